#include "verify_letters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace millrace::app {
namespace {

using pipeline::DeadLetter;
using testing::ElementsAre;
using testing::IsEmpty;

class Letters : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "letters_XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    auto state = pipeline::StateDb::Open(directory_);
    ASSERT_TRUE(state) << state.error().ToString();
    state_ = std::move(*state);
  }
  void TearDown() override {
    state_.reset();
    std::filesystem::remove_all(directory_);
  }

  pipeline::DeadLetters& letters() { return state_->letters(); }
  /// Its id is one above that of the letter before.
  void Die(Offset offset, const std::string& stream = "orders") {
    DeadLetter letter;
    letter.pipeline = "p";
    letter.sink = "table.t";
    letter.stream = stream;
    letter.offset = offset;
    letter.event_id = stream + "@" + std::to_string(offset);
    letter.version = Version{0, offset + 1, 0}.ToHex();
    letter.key = "k" + std::to_string(offset);
    ASSERT_TRUE(letters().Put({letter}));
  }
  Refused Read() { return *ReadRefused(*state_, {"p", "orders", "", {}}, "table.t"); }
  static std::vector<std::int64_t> Ids(const Refused& refused) {
    std::vector<std::int64_t> ids;
    for (const auto& letter : refused.sent) ids.push_back(letter.id);
    return ids;
  }

  std::string directory_;
  std::unique_ptr<pipeline::StateDb> state_;
};

TEST_F(Letters, AreRefusedUntilTheyGoThrough) {
  for (const Offset offset : {9u, 4u, 6u}) Die(offset);
  Die(9, "_snapshot.p");
  ASSERT_TRUE(letters().CloseThrough({2}));  // of offset 4
  const auto refused = Read();
  EXPECT_THAT(refused.offsets, ElementsAre(6u, 9u));
  EXPECT_THAT(refused.of_snapshot, ElementsAre(9u));
  EXPECT_THAT(refused.positions, ElementsAre(7u, 10u));
  EXPECT_EQ(refused.keys.size(), 2u);
  EXPECT_THAT(refused.sent, IsEmpty());
}

TEST_F(Letters, ASinkHasThoseBelowItsPositionInTheRedriveStream) {
  for (const Offset offset : {1u, 2u, 3u, 4u, 5u}) Die(offset);
  ASSERT_TRUE(letters().Claim({1, 2, 3, 4}, 10, 1));
  ASSERT_TRUE(letters().Resolve({1}, pipeline::LetterState::kSuperseded));
  ASSERT_TRUE(letters().Resolve({2}, pipeline::LetterState::kApplied));
  auto all = Read();
  EXPECT_THAT(Ids(all), ElementsAre(1, 2, 3, 4));
  all.Settle(11, 13);
  EXPECT_THAT(Ids(all), ElementsAre(2, 3));
  EXPECT_EQ(all.waiting, 1u);
  EXPECT_THAT(all.dropped_offsets, ElementsAre(1u)) << "the log begins behind it";
  EXPECT_EQ(all.dropped_keys.size(), 1u);
  DeadLetter died;
  died.id = 3;
  ASSERT_TRUE(letters().Reopen({died}));
  EXPECT_THAT(Ids(Read()), ElementsAre(1, 2, 4));
}

TEST_F(Letters, OfASinkThatIsBuiltAnewSayNothingOfWhatWasReadBefore) {
  Die(1);
  Die(2);
  const auto before = Read();
  Die(3);
  ASSERT_TRUE(letters().Claim({1}, 0, 1));
  EXPECT_TRUE(Read().IsAfter(before)) << "new ones, and redriven ones, are no matter";
  ASSERT_TRUE(letters().BeginRebuild("p", "table.t"));
  EXPECT_FALSE(Read().IsAfter(before));
  EXPECT_THAT(Read().offsets, IsEmpty());
}

}  // namespace
}  // namespace millrace::app
