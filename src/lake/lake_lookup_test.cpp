#include "lake/lake_lookup.hpp"

#include "lake_fixture.hpp"

namespace millrace::lake {
namespace {

using Where = OffsetPlace::Where;

class LakeLookup : public LakeTest {
 protected:
  Result<OffsetPlace> Find(Offset offset) {
    return FindOffset(*store_, *session_, "orders_history", 0, offset);
  }
};

TEST_F(LakeLookup, FindsTheFileAndTheRowsOfAnOffset) {
  EXPECT_EQ(Find(0).error().code(), ErrorCode::kNotFound);
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(5));
  EXPECT_EQ(Find(4)->where, Where::kBefore);
  EXPECT_EQ(Find(5)->where, Where::kBeyond);
  ASSERT_TRUE(Write(*writer, 5, 20));
  ASSERT_TRUE(writer->Flush());
  // Offsets without rows, as a filter leaves them.
  ASSERT_TRUE(writer->Write(Rows(25, 25), 20, 30, VersionOf(29)));
  ASSERT_TRUE(writer->Flush());
  ASSERT_TRUE(Write(*writer, 30, 31));
  EXPECT_EQ(Find(4)->where, Where::kBefore);
  for (const Offset offset : {5u, 12u, 19u}) {
    const auto found = Find(offset);
    ASSERT_TRUE(found) << found.error().ToString();
    EXPECT_EQ(found->where, Where::kInFile);
    EXPECT_TRUE(found->file.ends_with(FileName(0, 5))) << found->file;
    EXPECT_EQ(found->first, 5u);
    EXPECT_EQ(found->next, 20u);
    EXPECT_EQ(found->rows_of_file, 15u);
    EXPECT_EQ(found->rows, 1u);
  }
  const auto none = Find(29);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->where, Where::kInFile);
  EXPECT_TRUE(none->file.ends_with(FileName(0, 20)));
  EXPECT_EQ(none->rows, 0u);
  EXPECT_EQ(Find(30)->where, Where::kBeyond);  // staged, not rolled
}

TEST_F(LakeLookup, CannotTellRowsWithoutTheirOffsets) {
  options_.offset_column = false;
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 20));
  ASSERT_TRUE(writer->Flush());
  const auto found = Find(12);
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(found->where, Where::kInFile);
  EXPECT_EQ(found->rows_of_file, 20u);
  EXPECT_EQ(found->rows, std::nullopt);
  options_.offset_column = true;  // later files may have it
  writer = *Open();
  ASSERT_TRUE(Write(*writer, 20, 30));
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(Find(25)->rows, 1u);
  EXPECT_EQ(Find(12)->rows, std::nullopt);
}

TEST_F(LakeLookup, FindsRowsWhateverTheFoldersAboveAreNamed) {
  store_ = std::make_unique<objects::FileObjectStore>(root_ / "_offset=7");
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  ASSERT_TRUE(Write(*writer, 0, 20));
  ASSERT_TRUE(writer->Flush());
  EXPECT_EQ(Find(12)->rows, 1u);
}

TEST_F(LakeLookup, AnExtentIsTheFilesOfOneMoment) {
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(5));
  const auto extent = [this] {
    return *ReadExtent(*store_, *session_, "orders_history", 0);
  };
  EXPECT_EQ(extent().begin, 5u);
  EXPECT_EQ(extent().next, 5u);
  for (const Offset first : {5u, 15u}) {
    ASSERT_TRUE(Write(*writer, first, first + 10));
    ASSERT_TRUE(writer->Flush());
  }
  EXPECT_EQ(extent().files.size(), 3u);
  EXPECT_EQ(extent().begin, 5u);
  EXPECT_EQ(extent().next, 25u);
  EXPECT_EQ(ReadExtent(*store_, *session_, "orders_history", 2).error().code(),
            ErrorCode::kNotFound);
  options_.partition = 2;
  auto snapshot = *Open();
  ASSERT_TRUE(snapshot->Start(7));
  EXPECT_EQ(ReadExtent(*store_, *session_, "orders_history", 2)->begin, 7u);
  EXPECT_EQ(ReadExtent(*store_, *session_, "orders_history", 2)->files.size(), 1u);
  EXPECT_EQ(extent().files.size(), 3u);
  EXPECT_EQ(ReadExtent(*store_, *session_, "no", 0).error().code(), ErrorCode::kNotFound);
}

TEST_F(LakeLookup, KnowsTheFolderOfATable) {
  options_.path = "deep/er";
  auto writer = *Open();
  ASSERT_TRUE(writer->Start(0));
  EXPECT_EQ(*FolderOf(*store_, "deep_er"), "deep/er");
  EXPECT_EQ(FolderOf(*store_, "deeper").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::lake
