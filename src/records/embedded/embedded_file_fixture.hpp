#pragma once

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "../testing/conformance_fixture.hpp"
#include "sqlite.hpp"
#include "test_place.hpp"

namespace millrace::records::testing {

/// What only this adapter has: its file, its options, its reader for tools.
class EmbeddedFile : public RecordsConformance {
 protected:
  EmbeddedPlace& place() { return static_cast<EmbeddedPlace&>(*place_); }
  Database File() {
    auto db = Database::Open(place().directory() / kDatabaseFile,
                             {.mode = Database::Mode::kWriter});
    EXPECT_TRUE(db);
    return std::move(*db);
  }
  std::int64_t Ask(const std::string& sql) { return File().QueryInt(sql, -1).value(); }
  ErrorCode OpenError(const std::vector<schema::Collection>& collections) {
    Close();
    const auto opened = place_->Open(collections, clock_);
    EXPECT_FALSE(opened);
    message_ = opened ? "" : opened.error().message();
    return opened ? ErrorCode::kInternal : opened.error().code();
  }

  std::string message_;
  std::vector<std::future<Reply>> replies_;
};

}  // namespace millrace::records::testing
