#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "objects/object_store.hpp"

namespace millrace::objects {

/// How a test gets an adapter; the store is empty and below `directory`.
struct Adapter {
  std::string name;
  std::function<std::unique_ptr<ObjectStore>(const std::filesystem::path& directory)>
      open;
};

/// What object_store.hpp promises, as tests. An adapter's test file includes this header
/// and instantiates it; nobody edits the suite to suit one adapter.
class ObjectStoreConformance : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(testing::TempDir()) /
                 ("mr_objects_" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    store_ = GetParam().open(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Stage(const std::string& folder, const std::string& name,
             const std::string& text) {
    std::ofstream(*store_->StagingPath(folder, name)) << text;
  }
  std::vector<std::string> Names(const std::string& folder) {
    std::vector<std::string> out;
    for (const auto& object : *store_->List(folder)) out.push_back(object.name);
    return out;
  }

  std::filesystem::path directory_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_P(ObjectStoreConformance, ShowsAnObjectOnceItIsPublished) {
  ASSERT_TRUE(store_->Recover("a/b", ""));
  Stage("a/b", "part-1", "hello");
  EXPECT_THAT(Names("a/b"), testing::IsEmpty());
  ASSERT_TRUE(store_->PutIfAbsent("a/b", "part-1"));
  EXPECT_THAT(Names("a/b"), testing::ElementsAre("part-1"));
  EXPECT_EQ((*store_->List("a/b"))[0].bytes, 5u);
  EXPECT_EQ(*ReadFile(*store_->ReadablePath("a/b", "part-1")), "hello");
  EXPECT_FALSE(std::filesystem::exists(*store_->StagingPath("a/b", "part-1")));
}

TEST_P(ObjectStoreConformance, NeverReplacesAnObject) {
  ASSERT_TRUE(store_->Recover("t", ""));
  Stage("t", "x", "first");
  ASSERT_TRUE(store_->PutIfAbsent("t", "x"));
  Stage("t", "x", "second");
  EXPECT_EQ(store_->PutIfAbsent("t", "x").error().code(), ErrorCode::kConflict);
  EXPECT_EQ(*ReadFile(*store_->ReadablePath("t", "x")), "first");
  EXPECT_TRUE(std::filesystem::exists(*store_->StagingPath("t", "x")));
}

TEST_P(ObjectStoreConformance, SaysThatNothingWasStaged) {
  ASSERT_TRUE(store_->Recover("t", ""));
  EXPECT_EQ(store_->PutIfAbsent("t", "x").error().code(), ErrorCode::kNotFound);
}

TEST_P(ObjectStoreConformance, RemovesWhatACrashLeftStaged) {
  ASSERT_TRUE(store_->Recover("t", ""));
  Stage("t", "x", "torn");
  ASSERT_TRUE(store_->Recover("t", ""));
  EXPECT_FALSE(std::filesystem::exists(*store_->StagingPath("t", "x")));
  EXPECT_EQ(store_->PutIfAbsent("t", "x").error().code(), ErrorCode::kNotFound);
}

TEST_P(ObjectStoreConformance, ListsInOrderOfNames) {
  ASSERT_TRUE(store_->Recover("t", ""));
  for (const char* name : {"c", "a", "b"}) {
    Stage("t", name, "");
    ASSERT_TRUE(store_->PutIfAbsent("t", name));
  }
  EXPECT_THAT(Names("t"), testing::ElementsAre("a", "b", "c"));
  EXPECT_THAT(Names("unknown"), testing::IsEmpty());
}

TEST_P(ObjectStoreConformance, FindsFoldersWithObjects) {
  EXPECT_THAT(*store_->Folders(), testing::IsEmpty());
  for (const char* folder : {"b", "a/deep", "empty"})
    ASSERT_TRUE(store_->Recover(folder, ""));
  for (const char* folder : {"b", "a/deep"}) {
    Stage(folder, "x", "");
    ASSERT_TRUE(store_->PutIfAbsent(folder, "x"));
  }
  EXPECT_THAT(*store_->Folders(), testing::ElementsAre("a/deep", "b"));
}

TEST_P(ObjectStoreConformance, RefusesBadNames) {
  for (const char* folder :
       {"", "/etc", "a//b", "a/", "..", "a/../b", "_x", "a/.b", "a\\b"}) {
    SCOPED_TRACE(folder);
    EXPECT_EQ(store_->Recover(folder, "").error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(store_->List(folder).error().code(), ErrorCode::kInvalidArgument);
  }
  for (const char* name : {"", "a/b", ".x", "_x", "a\nb"}) {
    SCOPED_TRACE(name);
    EXPECT_EQ(store_->PutIfAbsent("t", name).error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(store_->ReadablePath("t", name).error().code(),
              ErrorCode::kInvalidArgument);
  }
}

}  // namespace millrace::objects
