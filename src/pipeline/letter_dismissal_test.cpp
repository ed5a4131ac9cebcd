#include "letters_fixture.hpp"

namespace millrace::pipeline {
namespace {

using testing::ElementsAre;

class DismissalTest : public LettersFixture {
 protected:
  std::uint64_t Dismiss(const LetterFilter& filter) {
    Pipelines pipelines = MakePipelines();
    const auto dismissed = pipelines.Dismiss(filter, "of no use");
    EXPECT_TRUE(dismissed) << dismissed.error().ToString();
    return dismissed.value_or(0);
  }
  void Redrive() {
    Pipelines pipelines = MakePipelines();
    ASSERT_TRUE(pipelines.Redrive({}));
    ASSERT_TRUE(pipelines.Run("p", {}, f_.factory(stores_)));
  }
  static LetterFilter OfStage(const std::string& stage) {
    LetterFilter filter;
    filter.stage = stage;
    return filter;
  }
};

TEST_F(DismissalTest, WaitsAndHoldsNoMore) {
  Add("a", "x");
  Add("b", "bad");
  f_.RunToEnd(stores_);
  EXPECT_EQ(*letters().Count("p", "table.t"), 1u);
  EXPECT_EQ(Dismiss(OfStage("sql")), 0u);
  EXPECT_EQ(Dismiss(OfStage("require")), 1u);
  EXPECT_THAT(States(), ElementsAre("b:dismissed"));
  EXPECT_EQ(*letters().Count("p", "table.t"), 0u);
  EXPECT_FALSE(*letters().Oldest("p", "table.t"));
  EXPECT_FALSE(*letters().LowestSeen("p", "table.t")) << "lookups keep nothing for it";
  EXPECT_TRUE(letters().Open({})->empty()) << "nothing is sent again";
  const auto letter = letters().Load({1})->at(0);
  EXPECT_EQ(letter.dismissal, "of no use");
  EXPECT_THAT(letter.payload, testing::HasSubstr("bad"));
  EXPECT_EQ(Dismiss({}), 0u);
  LetterFilter nonsense;
  nonsense.state = "nonsense";
  EXPECT_EQ(letters().Dismiss(nonsense, "").error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(DismissalTest, IsDecidedForWhateverIsBuiltAnew) {
  Add("a", "x");
  Add("b", "bad");
  Add("c", "bad");
  f_.RunToEnd(stores_);
  LetterFilter one;
  one.key = "b";
  Dismiss(one);
  // Its event would go through now.
  f_.pipeline.require.clear();
  stores_.erase("table.t");
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:dismissed", "c:rebuilt"));
  EXPECT_EQ(stores_["table.t"]->rows.size(), 2u);
  EXPECT_FALSE(stores_["table.t"]->rows.contains(1));
}

TEST_F(DismissalTest, LetsLaterChangesOfItsRecordPass) {
  f_.pipeline.on_error = project::OnError::kParkKey;
  Add("b", "bad");
  Add("b", "later");
  f_.RunToEnd(stores_);
  EXPECT_EQ(Dismiss(OfStage("require")), 1u);
  Redrive();
  EXPECT_THAT(States(), ElementsAre("b:dismissed", "b:applied"));
  Add("b", "last");
  f_.RunToEnd(stores_);
  EXPECT_TRUE(stores_["table.t"]->rows.contains(2));
  stores_.clear();
  f_.RunToEnd(stores_);
  EXPECT_THAT(States(), ElementsAre("b:dismissed", "b:rebuilt"));
  EXPECT_EQ(stores_["table.t"]->rows.size(), 2u) << "also when both are read at once";
}

TEST_F(DismissalTest, IsNotSentWhenItIsDismissedMeanwhile) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  const auto ids = letters().Open({});
  Dismiss({});
  ASSERT_TRUE(letters().Claim(*ids, 0, 1));
  EXPECT_THAT(States(), ElementsAre("b:dismissed"));
  EXPECT_TRUE(letters().SentSinks("p")->empty());
}

TEST_F(DismissalTest, HoldsInWhatTakesTheSinksPlace) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  const auto letter = letters().Load({1})->at(0);
  PipelineFixture shadow;
  ASSERT_TRUE(shadow.state->letters().Put({letter}));
  Dismiss({});
  ASSERT_TRUE(letters().Adopt("p", "table.t", shadow.state->letters()));
  EXPECT_THAT(States(), ElementsAre("b:dismissed")) << "though it died there again";
  PipelineFixture next;
  auto& copies = next.state->letters();
  ASSERT_TRUE(copies.CopySettled(letters(), "p", "table.t", "table.as", {}));
  const auto copy = copies.Of("p", "table.as", letter.event_id);
  ASSERT_TRUE(copy && *copy);
  EXPECT_EQ((*copy)->state, LetterState::kDismissed);
  EXPECT_EQ(
      copies.Between("p", "table.as", "orders", 0, 9, DeadLetters::Which::kDismissed)
          ->size(),
      1u);
}

TEST_F(DismissalTest, AReplayThatTookItsEventMeanwhileIsRefused) {
  Add("b", "bad");
  Add("c", "bad");
  f_.RunToEnd(stores_);
  PipelineFixture shadow;  // whose definition takes b
  ASSERT_TRUE(shadow.state->letters().Put(letters().Load({2}).value()));
  Dismiss({});
  const auto adopted = letters().Adopt("p", "table.t", shadow.state->letters());
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(adopted.error().ToString(), testing::HasSubstr("letter 1 was dismissed"));
}

TEST_F(DismissalTest, IsKnownAtOnceWhereThePipelineRuns) {
  Pipelines pipelines = MakePipelines();
  ASSERT_TRUE(pipelines.Start(f_.factory(stores_)));
  Add("b", "bad");
  stores_["table.t"]->WaitForPosition(1);
  EXPECT_EQ(pipelines.status()[0].dead_letters, 1u);
  EXPECT_EQ(pipelines.Dismiss({}, ""), 1u);
  EXPECT_EQ(pipelines.status()[0].dead_letters, 0u);
  EXPECT_TRUE(pipelines.Stop(Deadline::After(std::chrono::seconds(20))));
}

TEST_F(DismissalTest, SaysWhatThereIsNot) {
  Add("b", "bad");
  f_.RunToEnd(stores_);
  Pipelines pipelines = MakePipelines();
  LetterFilter filter;
  filter.ids = {1, 7};
  for (const auto code : {pipelines.Dismiss(filter, "").error().code(),
                          pipelines.Redrive(filter).error().code()}) {
    EXPECT_EQ(code, ErrorCode::kNotFound);
  }
  EXPECT_THAT(States(), ElementsAre("b:open")) << "all or none";
  filter = {};
  filter.pipeline = "q";
  EXPECT_EQ(pipelines.Dismiss(filter, "").error().code(), ErrorCode::kNotFound);
  filter = {};
  filter.sink = "table.q";
  EXPECT_EQ(pipelines.Dismiss(filter, "").error().code(), ErrorCode::kNotFound);
  filter.sink = "table.t";
  filter.key = "none";
  EXPECT_EQ(pipelines.Dismiss(filter, ""), 0u);
}

TEST_F(DismissalTest, MendedLettersCanBeChosen) {
  Add("b", "bad");
  Add("c", "bad");
  f_.RunToEnd(stores_);
  ASSERT_TRUE(letters().SetMended({{2, "{}", "note = 'x'"}}));
  DeadLetterFilter filter;
  filter.mended = true;
  EXPECT_THAT(*letters().Open(filter), ElementsAre(2));
  ASSERT_EQ(letters().List(filter)->letters.size(), 1u);
  EXPECT_EQ(Dismiss(filter), 1u);
  EXPECT_THAT(States(), ElementsAre("b:open", "c:dismissed"));
}

}  // namespace
}  // namespace millrace::pipeline
