#include "lake/lake_catalog.hpp"

#include "lake_fixture.hpp"

namespace millrace::lake {
namespace {

TEST_F(LakeTest, ListsItsTables) {
  LakeCatalog catalog(*store_, *session_);
  EXPECT_TRUE(catalog.Tables()->empty());
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 10));
  ASSERT_TRUE(writer->Flush());
  options_.path = "deep/er";
  auto other = *Open();
  ASSERT_TRUE(other->Start(3));
  for (int i = 0; i < 2; ++i) {  // the second time from memory
    const auto tables = catalog.Tables();
    ASSERT_TRUE(tables) << tables.error().ToString();
    ASSERT_EQ(tables->size(), 2u);
    EXPECT_EQ((*tables)[0].name, "deep_er");
    EXPECT_EQ((*tables)[0].next_offset, 3u);
    EXPECT_EQ((*tables)[0].rows, 0u);
    EXPECT_EQ((*tables)[1].name, "orders_history");
    EXPECT_EQ((*tables)[1].owner, "orders/lake");
    EXPECT_EQ((*tables)[1].files, 2u);
    EXPECT_EQ((*tables)[1].rows, 10u);
    EXPECT_EQ((*tables)[1].next_offset, 10u);
    EXPECT_EQ((*tables)[1].last_version, VersionOf(9));
    EXPECT_GT((*tables)[1].bytes, 0u);
  }
  ASSERT_TRUE(session_->Run("CREATE SCHEMA lake"));
  ASSERT_TRUE(session_->Run((*catalog.Tables())[1].view_sql));
  EXPECT_EQ(session_->Query("SELECT count(*) FROM lake.orders_history")->Int64(0, 0), 10);
  ASSERT_TRUE(Write(*writer, 10, 30));
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ((*catalog.Tables())[1].rows, 30u);
  EXPECT_EQ(session_->Query("SELECT count(*) FROM lake.orders_history")->Int64(0, 0), 30);
}

TEST_F(LakeTest, ViewsShowTheirValuesWhateverTheFoldersAboveAreNamed) {
  store_ = std::make_unique<objects::FileObjectStore>(root_ / "id=other");
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 1));
  ASSERT_TRUE(writer->Flush());
  ASSERT_TRUE(session_->Run("CREATE SCHEMA lake"));
  ASSERT_TRUE(session_->Run(LakeCatalog(*store_, *session_).Tables()->front().view_sql));
  EXPECT_EQ(session_->Query("SELECT id FROM lake.orders_history")->Text(0, 0),
            "record number 0");
}

}  // namespace
}  // namespace millrace::lake
