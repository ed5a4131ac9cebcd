#include "identity/sign_up.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::identity {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

template <typename T>
std::vector<std::string> Broken(const Result<T>& input) {
  std::vector<std::string> messages;
  if (input) return messages;
  EXPECT_EQ(input.error().code(), ErrorCode::kInvalidArgument);
  for (const auto& field : input.error().fields()) messages.push_back(field.message);
  return messages;
}

TEST(SignUp, TakesNameAndItsAlias) {
  const auto name =
      ReadSignUp(R"({"email":"a@b.co","password":"12345678","name":"Ann"})");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->email, "a@b.co");
  EXPECT_EQ(name->password, "12345678");
  EXPECT_EQ(name->name, "Ann");
  EXPECT_EQ(
      ReadSignUp(R"({"email":"a@b.co","password":"12345678","username":"Ann"})")->name,
      "Ann");
  EXPECT_EQ(ReadSignUp(R"({"email":"a@b.co","password":"12345678"})")->name,
            std::nullopt);
  EXPECT_EQ(ReadSignUp(R"({"email":"a@b.co","password":"12345678","name":null})")->name,
            std::nullopt);
}

TEST(SignUp, EveryBrokenRuleIsNamed) {
  for (const auto* body : {"", "{}", "[]", "null", "7"}) {
    EXPECT_THAT(
        Broken(ReadSignUp(body)),
        ElementsAre("Email should not be empty.", "Please provide a valid email address.",
                    "Password must be at least 8 characters long.",
                    "Password should not be empty.", "password must be a string"))
        << body;
  }
  EXPECT_THAT(Broken(ReadSignUp(R"({"email":"a@b.co","password":"1234567"})")),
              ElementsAre("Password must be at least 8 characters long."));
  EXPECT_THAT(Broken(ReadSignUp(R"({"email":"nobody","password":"12345678"})")),
              ElementsAre("Please provide a valid email address."));
}

TEST(SignUp, UnknownMembersAreRefused) {
  EXPECT_THAT(Broken(ReadSignUp(
                  R"({"email":"a@b.co","password":"12345678","role":"admin","id":1})")),
              UnorderedElementsAre("property role should not exist",
                                   "property id should not exist"));
}

TEST(SignUp, NumbersBecomeTextAndObjectsDoNot) {
  EXPECT_EQ(ReadSignUp(R"({"email":"a@b.co","password":12345678})")->password,
            "12345678");
  EXPECT_EQ(ReadSignUp(R"({"email":"a@b.co","password":"12345678","name":1.50})")->name,
            "1.5");
  EXPECT_EQ(ReadSignUp(R"({"email":"a@b.co","password":"12345678","name":true})")->name,
            "true");
  EXPECT_THAT(
      Broken(ReadSignUp(R"({"email":"a@b.co","password":{"$ne":""},"name":["x"]})")),
      ElementsAre("Password must be at least 8 characters long.",
                  "password must be a string", "name must be a string"));
}

TEST(SignUp, LengthsAreCharacters) {
  EXPECT_TRUE(ReadSignUp(R"({"email":"a@b.co","password":"ääääääää"})"));
  EXPECT_FALSE(ReadSignUp(R"({"email":"a@b.co","password":"äääääää"})"));
}

TEST(SignUp, WhatIsNoJsonIsOneProblem) {
  EXPECT_EQ(Broken(ReadSignUp("{nope")).size(), 1u);
}

TEST(SignUp, ReadsItsOwnJson) {
  const SignUp input{"a@b.co", "päss\"word", "N\n"};
  const auto again = ReadSignUp(ToJson(input));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->password, input.password);
  EXPECT_EQ(again->name, input.name);
}

TEST(LogIn, HasTheDefaultMessages) {
  EXPECT_THAT(Broken(ReadLogIn("{}")),
              ElementsAre("email should not be empty", "email must be an email",
                          "password should not be empty", "password must be a string"));
  EXPECT_THAT(Broken(ReadLogIn(R"({"email":"x","password":""})")),
              ElementsAre("email must be an email", "password should not be empty"));
  EXPECT_TRUE(ReadLogIn(R"({"email":"a@b.co","password":"x"})"));
}

TEST(Email, IsWhatTheValidatorTakes) {
  for (const auto* good :
       {"a@b.co", "first.last+tag@sub.example.com", "ünï@example.com", "a@müller.de",
        "\"a b\"@example.com", "x!#$%&'*@example.org", "a@b.xn--p1ai", "a@1.com"}) {
    EXPECT_TRUE(IsEmail(good)) << good;
  }
  const auto long_user = std::string(65, 'a') + "@b.co";
  const auto long_label = "a@" + std::string(64, 'b') + ".co";
  for (const auto& bad : {std::string(),
                          std::string("a"),
                          std::string("@b.co"),
                          std::string("a@"),
                          std::string("a@b"),
                          std::string("a@b."),
                          std::string("a@.co"),
                          std::string("a@b.c"),
                          std::string("a b@c.co"),
                          std::string(".a@b.co"),
                          std::string("a.@b.co"),
                          std::string("a..b@c.co"),
                          std::string("a@b..co"),
                          std::string("a@-b.co"),
                          std::string("a@b-.co"),
                          std::string("a@b_c.co"),
                          std::string("a@b.12"),
                          std::string("a@[127.0.0.1]"),
                          std::string("a@b.co\n"),
                          std::string("a@@b.co"),
                          std::string("Ann <a@b.co>"),
                          std::string("\"a@b.co"),
                          long_user,
                          long_label}) {
    EXPECT_FALSE(IsEmail(bad)) << bad;
  }
}

}  // namespace
}  // namespace millrace::identity
