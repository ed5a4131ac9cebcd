#include "database.hpp"

#include <gtest/gtest.h>

#include "test_directory.hpp"

namespace millrace::warehouse {
namespace {

/// What a commit left half done in the engine's memory must not get into the file.
TEST(Database, WritesNothingMoreAfterACommitThatFailedInside) {
  const TestDirectory directory;
  Database database;
  database.file = directory.path() / "warehouse.duckdb";
  sql::EngineOptions options;
  options.database = database.file;
  database.engine = *sql::Engine::Open(options);
  const auto session = *database.engine->Connect();
  ASSERT_TRUE(session->Run("CREATE SCHEMA _mr;" + CreateCheckpointMark()));
  database.Judge({});
  database.Judge(Fail(ErrorCode::kResourceExhausted, "the disk is full"));
  EXPECT_TRUE(Transaction::Begin(database, *session));
  EXPECT_TRUE(database.Checkpoint());
  const std::string why = "out of memory in a commit";
  database.Judge(Fail(ErrorCode::kInternal, why));
  const auto begun = Transaction::Begin(database, *session);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().message(), why);
  const auto folded = database.Checkpoint();
  ASSERT_FALSE(folded);
  EXPECT_EQ(folded.error().message(), why);
}

}  // namespace
}  // namespace millrace::warehouse
