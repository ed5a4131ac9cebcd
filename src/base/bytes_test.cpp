#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "crc32c.hpp"

namespace millrace {
namespace {

std::string RandomBytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random() & 0xffu);
  return bytes;
}

TEST(Crc32c, GivesThePublishedValues) {  // RFC 3720, B.4
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(rising), 0x46dd794eu);
}

TEST(Crc32c, HardwareAndSoftwareAgree) {
  if (!HasCrc32cHardware()) GTEST_SKIP() << "no SSE 4.2 here";
  for (std::size_t size = 0; size < 200; ++size) {
    const auto bytes = RandomBytes(size, static_cast<std::uint32_t>(size));
    const auto begin = static_cast<std::uint32_t>(size * 77);
    EXPECT_EQ(Crc32cHardware(bytes, begin), Crc32cSoftware(bytes, begin)) << size;
  }
}

TEST(Crc32c, HardwareAndSoftwareAgreeOnLongInput) {  // three lanes of 512 bytes and on
  if (!HasCrc32cHardware()) GTEST_SKIP() << "no SSE 4.2 here";
  for (const std::size_t size : {1535u, 1536u, 1537u, 3071u, 3072u, 3079u, 100'000u}) {
    const auto bytes = RandomBytes(size, static_cast<std::uint32_t>(size));
    EXPECT_EQ(Crc32cHardware(bytes, 0x1234u), Crc32cSoftware(bytes, 0x1234u)) << size;
  }
}

TEST(Crc32c, FoldingAndSoftwareAgree) {
  if (!HasCrc32cFolding()) GTEST_SKIP() << "no AVX-512 with VPCLMULQDQ here";
  for (std::size_t size = 0; size < 1400; ++size) {
    const auto bytes = RandomBytes(size, static_cast<std::uint32_t>(size));
    const auto begin = static_cast<std::uint32_t>(size * 77);
    ASSERT_EQ(Crc32cFolding(bytes, begin), Crc32cSoftware(bytes, begin)) << size;
  }
  const auto bytes = RandomBytes(100'000, 5);
  EXPECT_EQ(Crc32cFolding(bytes, 9), Crc32cSoftware(bytes, 9));
}

TEST(Crc32c, ContinuesFromAnEarlierPart) {
  const auto bytes = RandomBytes(1000, 1);
  const std::string_view all = bytes;
  for (const std::size_t cut : {0u, 1u, 7u, 8u, 500u, 999u, 1000u}) {
    EXPECT_EQ(Crc32c(all.substr(cut), Crc32c(all.substr(0, cut))), Crc32c(all));
  }
}

TEST(Hash64, IsTheStoredFunction) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2u);
  EXPECT_NE(Hash64("a"), Hash64("a", 1));
}

TEST(Hex, ReadsBack) {
  std::string out;
  AppendHex(out, 0xbeef, 6);
  EXPECT_EQ(out, "00beef");
  EXPECT_EQ(ParseHex("00beef").value(), 0xbeefu);
  EXPECT_EQ(ParseHex("ffffffffffffffff").value(), ~0ull);
  for (const auto* bad : {"", "g", "-1", "0x1", "10000000000000000", "1 "}) {
    EXPECT_FALSE(ParseHex(bad).has_value()) << bad;
  }
}

TEST(Base64, GivesThePublishedValues) {  // RFC 4648, 10
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"},
                                                                 {"\xfb\xff", "+/8="}};
  for (const auto& [bytes, text] : cases) {
    std::string out;
    AppendBase64(out, bytes);
    EXPECT_EQ(out, text);
    EXPECT_EQ(DecodeBase64(text).value(), bytes);
    EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(bytes)).value(), bytes);
  }
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
  for (const auto* bad : {"Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Z g=", "-_8=",
                          "====", "Zm9v\n"}) {
    EXPECT_FALSE(DecodeBase64(bad).has_value()) << bad;
  }
  for (const auto* bad : {"Z", "Zh", "Zg==", "+/8"}) {
    EXPECT_FALSE(DecodeBase64Url(bad).has_value()) << bad;
  }
}

TEST(Base64, ReadsBackEveryLength) {
  for (std::size_t size = 0; size < 100; ++size) {
    const auto bytes = RandomBytes(size, 5);
    std::string text;
    AppendBase64(text, bytes);
    EXPECT_EQ(DecodeBase64(text).value(), bytes);
    EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(bytes)).value(), bytes);
  }
}

TEST(ParseByteSize, ReadsOrRefusesEachForm) {
  const std::pair<std::string_view, std::optional<std::uint64_t>> cases[] = {
      {"512", 512},
      {"8MiB", 8u << 20u},
      {"64 KiB", 64u << 10u},
      {"1GiB", 1u << 30u},
      {"0", 0},
      {"7B", 7},
      {"8MB", {}},
      {"8mib", {}},
      {"", {}},
      {"MiB", {}},
      {"-1MiB", {}},
      {"1.5GiB", {}},
      {"9999999999TiB", {}},
      {"1MiB ", {}},
      {"99999999999999999999", {}}};
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    const auto got = ParseByteSize(text);
    ASSERT_EQ(got.has_value(), want.has_value());
    if (want) {
      EXPECT_EQ(*got, *want);
    } else {
      EXPECT_NE(got.error().message().find("MiB"), std::string::npos);
    }
  }
}

TEST(ParseDurationMs, ReadsOrRefusesEachForm) {
  const std::pair<std::string_view, std::optional<std::int64_t>> cases[] = {
      {"50ms", 50},
      {"60s", 60'000},
      {"5m", 300'000},
      {"24h", 86'400'000},
      {"7d", 604'800'000},
      {"0s", 0},
      {"5", {}},
      {"5min", {}},
      {"", {}},
      {"-5s", {}},
      {"9223372036854775807d", {}}};
  for (const auto& [text, want] : cases) {
    SCOPED_TRACE(text);
    const auto got = ParseDurationMs(text);
    ASSERT_EQ(got.has_value(), want.has_value());
    if (want) {
      EXPECT_EQ(*got, *want);
    } else {
      EXPECT_NE(got.error().message().find("24h"), std::string::npos);
    }
  }
}

TEST(NearMiss, SuggestsOnlyWhatIsNear) {
  constexpr std::string_view kFields[] = {"status", "amount", "order_id", "id"};
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"stauts", "status"},  {"Status", "status"},
      {"amout", "amount"},   {"orderid", "order_id"},
      {"idd", "id"},         {"xy", ""},
      {"total", ""},         {"", ""},
      {"ammounts", "amount"}};
  for (const auto& [word, want] : cases) {
    EXPECT_EQ(NearMiss(word, kFields, std::size(kFields)), want) << word;
  }
  const std::string long_word(100'000, 'a');
  EXPECT_EQ(NearMiss(long_word, kFields, std::size(kFields)), "");
}

TEST(Excerpt, IsAlwaysShortAndValid) {
  EXPECT_EQ(Excerpt("abc"), "'abc'");
  EXPECT_EQ(Excerpt("abcdef", 3), "'abc…'");
  EXPECT_EQ(Excerpt("aü", 2), "'a…'");
  EXPECT_EQ(Excerpt("aü", 3), "'aü'");
  EXPECT_EQ(Excerpt("a\xff\xc3"),
            "'a?"
            "?'");
  EXPECT_EQ(Excerpt("\xed\xa0\x80\xc0\x80"),
            "'?"
            "?"
            "?"
            "?"
            "?'");
}

}  // namespace
}  // namespace millrace
