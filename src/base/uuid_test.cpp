#include "base/uuid.hpp"

#include <gtest/gtest.h>

namespace millrace {
namespace {

class FixedClock final : public Clock {
 public:
  TimestampUs Now() const override { return now; }
  TimestampUs now = 1'700'000'000'000'000;
};

std::string Text(const Uuid& uuid) {
  std::string out;
  AppendUuid(out, uuid);
  return out;
}

TEST(ParseUuid, TakesAnyCaseAndOneForm) {
  const auto uuid = ParseUuid("0190A0b1-0000-7000-8000-00000000FfFf");
  EXPECT_EQ(Text(uuid.value()), "0190a0b1-0000-7000-8000-00000000ffff");
  for (const auto* bad :
       {"", "0190a0b1000070008000000000000000ffff", "0190a0b1-0000-7000-8000-00000000fff",
        "{0190a0b1-0000-7000-8000-0000000ffff}", "0190a0b1-0000-7000-8000-00000000fffg",
        "0190a0b-10000-7000-8000-00000000ffff",
        "0190a0b1-0000-7000-8000-00000000ffff0"}) {
    EXPECT_EQ(ParseUuid(bad).error().code(), ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(IdMaker, WritesTimeVersionAndVariant) {
  FixedClock clock;
  IdMaker maker(clock, 0);
  const auto text = Text(maker.UuidV7());
  EXPECT_EQ(text.substr(0, 13), "018bcfe5-6800");
  EXPECT_EQ(text.substr(14, 4), "7000");
  EXPECT_NE(std::string_view("89ab").find(text[19]), std::string_view::npos);
  EXPECT_EQ(maker.last_ms(), 1'700'000'000'000);
}

TEST(IdMaker, UuidsNeverRunBackwards) {
  FixedClock clock;
  IdMaker maker(clock, 0);
  auto last = maker.UuidV7();
  for (int i = 0; i < 20'000; ++i) {
    if (i == 10'000) clock.now -= 3'600'000'000;  // the clock is set back
    const auto next = maker.UuidV7();
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(IdMaker, ARestartGoesOnPastTheFloor) {
  FixedClock clock;
  IdMaker first(clock, 0);
  Uuid uuid = first.UuidV7();
  for (int i = 0; i < 5000; ++i) uuid = first.UuidV7();
  const auto object_id = first.ObjectId();
  clock.now -= 86'400'000'000;
  IdMaker second(clock, first.last_ms());
  EXPECT_LT(uuid, second.UuidV7());
  EXPECT_LT(object_id, second.ObjectId());
}

TEST(IdMaker, ObjectIdsRiseAndNameTheProcess) {
  FixedClock clock;
  IdMaker maker(clock, 0);
  auto last = maker.ObjectId();
  EXPECT_EQ(last.size(), 24u);
  EXPECT_EQ(last.substr(0, 8), "6553f100");
  const auto process = last.substr(8, 10);
  for (int i = 0; i < 1000; ++i) {
    if (i == 500) clock.now -= 10'000'000;
    const auto next = maker.ObjectId();
    ASSERT_LT(last, next);
    EXPECT_EQ(next.substr(8, 10), process);
    last = next;
  }
}

}  // namespace
}  // namespace millrace
