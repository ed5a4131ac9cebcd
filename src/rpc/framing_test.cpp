#include "rpc/framing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace millrace::rpc {
namespace {

constexpr std::size_t kLimit = 1000;

/// Everything that `bytes` holds when it arrives in pieces of these sizes.
std::vector<std::string> ReadAll(FrameReader& reader, std::string_view bytes,
                                 const std::function<std::size_t()>& piece) {
  std::vector<std::string> frames;
  while (!bytes.empty()) {
    const auto space = reader.Space();
    const auto size = std::min({piece(), bytes.size(), space.size()});
    std::copy_n(bytes.data(), size, space.data());
    reader.Commit(size);
    bytes.remove_prefix(size);
    for (;;) {
      const auto frame = reader.Next();
      if (!frame) return frames;
      if (!*frame) break;
      frames.emplace_back(**frame);
    }
  }
  return frames;
}

Result<std::optional<std::string_view>> First(FrameReader& reader,
                                              std::string_view bytes) {
  std::ranges::copy(bytes, reader.Space().data());
  reader.Commit(bytes.size());
  return reader.Next();
}

TEST(Framing, CountsCodeUnitsOfUtf16) {
  EXPECT_EQ(CountUnits(""), 0u);
  EXPECT_EQ(CountUnits("abc"), 3u);
  EXPECT_EQ(CountUnits("\u00e9\u20ac"), 2u);
  EXPECT_EQ(CountUnits("\U0001F600!"), 3u);
}

TEST(Framing, WritesTheLengthBeforeTheText) {
  std::string out;
  AppendFrame(out, R"({"a":"é😀"})");
  EXPECT_EQ(out,
            "11#"
            R"({"a":"é😀"})");
}

TEST(Framing, ReadsWhatItWroteHoweverItIsSplitAndJoined) {
  std::mt19937 random(7);
  const std::vector<std::string> parts = {"{}", R"({"a":1})", "é", "€uro",
                                          "😀", "#12#",       "x", std::string(300, 'y')};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> sent;
    std::string bytes;
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (auto n = random() % 6; n > 0; --n) text += parts[random() % parts.size()];
      text += '}';  // JSON ends in ASCII
      if (CountUnits(text) > kLimit) continue;
      AppendFrame(bytes, text);
      sent.push_back(std::move(text));
    }
    FrameReader reader(kLimit);
    const auto most = 1 + random() % 40;
    EXPECT_EQ(ReadAll(reader, bytes, [&] { return 1 + random() % most; }), sent);
  }
}

TEST(Framing, RefusesALengthThatIsNoNumber) {
  for (const std::string_view bytes :
       {"x#{}", "#{}", "-1#{}", "1 #{}", "GET / HTTP/1.1", "1234567890", "\xff", "1x"}) {
    FrameReader reader(kLimit);
    const auto frame = First(reader, bytes);
    ASSERT_FALSE(frame) << bytes;
    EXPECT_EQ(frame.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(Framing, RefusesAFrameOverTheLimitBeforeItHasCome) {
  FrameReader reader(kLimit);
  const auto frame = First(reader, "1001#{");
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code(), ErrorCode::kTooLarge);
}

TEST(Framing, RefusesALengthThatEndsWithinACharacter) {
  for (const std::string_view bytes : {"2#x\U0001F600", "2#\U0001F600", "1#\u00e9"}) {
    FrameReader reader(kLimit);
    EXPECT_FALSE(First(reader, bytes)) << bytes;
  }
}

TEST(Framing, SurvivesAnyBytes) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    AppendFrame(bytes, R"({"pattern":"é😀","data":null})");
    AppendFrame(bytes, "{}");
    for (auto n = random() % 4; n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    FrameReader reader(kLimit);
    for (const auto& frame : ReadAll(reader, bytes, [&] { return 1 + random() % 9; })) {
      EXPECT_LE(CountUnits(frame), kLimit);
    }
  }
}

TEST(Framing, GivesBackTheMemoryOfALargeFrame) {
  FrameReader reader(8u << 20u);
  std::string bytes;
  AppendFrame(bytes, std::string(4u << 20u, 'x'));
  EXPECT_EQ(ReadAll(reader, bytes, [] { return std::size_t{60'000}; }).size(), 1u);
  EXPECT_LT(reader.Space().size(), 1u << 20u);
}

}  // namespace
}  // namespace millrace::rpc
