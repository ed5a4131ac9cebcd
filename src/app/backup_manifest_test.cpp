#include "backup_manifest.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace millrace::app {
namespace {

BackupManifest Example() {
  return {"0.2.0",
          "2026-11-21T07:00:00Z",
          {{"FORMAT", {16, 0xabc}}, {"lake/a b/part-0000-start.parquet", {0, 7}}}};
}

TEST(BackupManifest, ComesBack) {
  const auto read = ParseManifest(ToText(Example()));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->files, Example().files);
  EXPECT_EQ(read->made_by, "0.2.0");
  EXPECT_EQ(read->made_at, "2026-11-21T07:00:00Z");
  EXPECT_EQ(read->bytes(), 16u);
}

TEST(BackupManifest, NoPrefixAndNoFlippedBitPasses) {
  const auto text = ToText(Example());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(ParseManifest(std::string_view(text).substr(0, length))) << length;
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto flipped = text;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    EXPECT_FALSE(ParseManifest(flipped)) << at;
  }
}

TEST(BackupManifest, ANewerFormatIsNamed) {
  const auto read = ParseManifest("millrace-backup 2\nend 0\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kConflict);
}

TEST(BackupManifest, AFileOutsideIsRefused) {
  for (const auto* path : {"../x", "/etc/x", "a/../../x", "."}) {
    auto manifest = Example();
    manifest.files.push_back({path, {1, 1}});
    const auto read = ParseManifest(ToText(manifest));
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code(), ErrorCode::kDataLoss);
  }
}

}  // namespace
}  // namespace millrace::app
