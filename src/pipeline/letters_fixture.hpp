#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test_support.hpp"

namespace millrace::pipeline {

/// Orders whose note is "bad" die in the table `t`.
class LettersFixture : public testing::Test {
 protected:
  LettersFixture() {
    f_.AddTable("t", "order_id");
    f_.SetSql("SELECT order_id, note, amount FROM changes");
    f_.AddRule("note <> 'bad'");
  }
  void Add(const std::string& id, const std::string& note) {
    f_.Insert("orders", id, PipelineFixture::Order(id, "c", "1.00", note));
  }
  DeadLetters& letters() { return f_.state->letters(); }
  /// "id:state" of every letter of `sink`, or of all.
  std::vector<std::string> States(const std::string& sink = {}) {
    DeadLetterFilter filter;
    filter.sink = sink;
    filter.state = "all";
    const auto page = letters().List(filter);
    EXPECT_TRUE(page) << page.error().ToString();
    std::vector<std::string> out;
    for (const auto& letter : page->letters)
      out.push_back(letter.key + ":" + std::string(NameOf(letter.state)));
    return out;
  }
  Pipelines MakePipelines() {
    std::vector<CompiledPipeline> compiled;
    compiled.push_back(f_.Compile());
    return Pipelines(std::move(compiled), f_.services());
  }

  PipelineFixture f_;
  std::map<std::string, std::shared_ptr<SinkStore>> stores_;
};

}  // namespace millrace::pipeline
