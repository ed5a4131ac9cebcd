#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sql/engine.hpp"

namespace millrace::sql {

inline schema::Type Parse(std::string_view text) { return *schema::Type::Parse(text); }

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("mr_sql_" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_ / "open");
    EngineOptions options;
    options.directories = {directory_ / "open"};
    engine_ = *Engine::Open(options);
    session_ = *engine_->Connect();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Ask(const std::string& text,
                  const std::vector<std::string>& literals = {}) {
    auto answer = session_->Query(text, literals);
    if (!answer) return answer.error().ToString();
    std::string out;
    for (std::size_t row = 0; row < answer->rows(); ++row)
      answer->AppendJsonRow(out, row);
    return out;
  }
  Result<std::size_t> CountStreamed(const std::string& text,
                                    Deadline deadline = Deadline::Never()) {
    std::size_t rows = 0;
    MR_CHECK_OK(session_->Stream(text, deadline, [&](const Batch& block) {
      rows += block.rows();
      return true;
    }));
    return rows;
  }
  ErrorCode StreamError(const std::string& text) {
    auto streamed = CountStreamed(text);
    return streamed ? ErrorCode::kUnavailable : streamed.error().code();
  }

  std::filesystem::path directory_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
};

inline Batch Numbers(std::int64_t from, std::int64_t count) {
  BatchBuilder builder({{"n", Parse("bigint")}, {"t", Parse("text")}});
  for (std::int64_t i = from; i < from + count; ++i) {
    builder.SetInt(0, i);
    builder.SetText(1, "the text of number " + std::to_string(i));
    builder.EndRow();
  }
  return builder.Finish();
}

}  // namespace millrace::sql
