#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "lake/lake_catalog.hpp"
#include "lake/lake_writer.hpp"
#include "lake_file.hpp"
#include "objects_embedded/file_object_store.hpp"

namespace millrace::lake {
namespace fs = std::filesystem;
using schema::Type;
using sql::Batch;
using Steady = std::chrono::steady_clock;

inline const schema::Columns& Selected() {
  static const schema::Columns columns = {{"id", *Type::Parse("text")},
                                          {"amount", *Type::Parse("decimal(10,2)")}};
  return columns;
}

inline Version VersionOf(Offset offset) { return {1, offset, 0}; }

/// Rows of the offsets [first, next), as the engine hands them over.
inline Batch Rows(Offset first, Offset next, schema::Columns columns = Selected()) {
  columns.push_back({"_offset", *Type::Parse("bigint")});
  columns.push_back({"_version", *Type::Parse("text")});
  sql::BatchBuilder builder(columns);
  for (Offset offset = first; offset < next; ++offset) {
    builder.SetText(0, "record number " + std::to_string(offset));
    const auto kind = columns[1].type.kind;
    const bool bare = kind == schema::Kind::kInteger || kind == schema::Kind::kBigint;
    const auto number = std::to_string(offset);
    EXPECT_TRUE(builder.SetLiteral(1, bare ? number : "\"" + number + "\""));
    for (std::size_t c = 2; c < columns.size() - 2; ++c) builder.SetText(c, "more");
    builder.SetInt(columns.size() - 2, static_cast<std::int64_t>(offset));
    builder.SetText(columns.size() - 1, VersionOf(offset).ToHex());
    builder.EndRow();
  }
  return builder.Finish();
}

class LakeTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("mr_lake_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    store_ = std::make_unique<objects::FileObjectStore>(root_);
    engine_ = MakeEngine();
    session_ = *engine_->Connect();
    options_.path = "orders_history/";
    options_.owner = "orders/lake";
    options_.writer_id = "first-process";
    options_.pipeline_hash = "abc";
    options_.columns = Selected();
    options_.row_group_rows = 2048;
    options_.roll_every = std::chrono::seconds(60);
    options_.now = [this] { return now_; };
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<sql::Engine> MakeEngine() {
    sql::EngineOptions options;
    options.directories = {root_};
    return *sql::Engine::Open(options);
  }
  Result<std::unique_ptr<LakeWriter>> Open() {
    return LakeWriter::Open(*store_, *engine_, options_);
  }
  static Status Write(LakeWriter& writer, Offset first, Offset next) {
    return writer.Write(Rows(first, next), first, next, VersionOf(next - 1));
  }
  std::vector<std::string> Names() {
    std::vector<std::string> out;
    for (const auto& object : *store_->List("orders_history")) out.push_back(object.name);
    return out;
  }
  std::string Ask(const std::string& select) {
    auto answer =
        session_->Query(select + " FROM read_parquet('" + root_.string() +
                        "/orders_history/part-*.parquet', union_by_name = true)");
    if (!answer) return answer.error().ToString();
    std::string out;
    for (std::size_t row = 0; row < answer->rows(); ++row)
      answer->AppendJsonRow(out, row);
    return out;
  }
  std::string Totals() {
    return Ask(
        "SELECT count(*) AS rows, count(DISTINCT _offset) AS offsets, max(_offset) AS "
        "last");
  }

  fs::path root_;
  std::unique_ptr<objects::FileObjectStore> store_;
  std::unique_ptr<sql::Engine> engine_;
  std::unique_ptr<sql::Session> session_;
  LakeOptions options_;
  Steady::time_point now_;
};

}  // namespace millrace::lake
