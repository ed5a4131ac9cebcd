#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "project/project.hpp"

namespace millrace::project {

/// A project directory of its own for each test.
class ProjectFixture : public testing::Test {
 public:
  const std::filesystem::path& directory() const { return directory_; }

 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "project_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((directory_ / file).parent_path());
    std::ofstream(directory_ / file, std::ios::binary) << text;
  }

  std::string Read(const std::string& file) const {
    std::ifstream in(directory_ / file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  /// In a file that is there; `from` must stand in it.
  void Replace(const std::string& file, const std::string& from,
               const std::string& to) const {
    auto text = Read(file);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    Write(file, text.replace(at, from.size(), to));
  }

  /// Two collections and a pipeline without a problem.
  void WriteShop() const {
    Write("millrace.yaml", "name: shop\naccess: open\n");
    Write("collections/orders.yaml", R"yaml(collection: orders
key: order_id
fields:
  order_id:    {type: text, generate: uuidv7}
  customer_id: {type: text, required: true}
  amount:      {type: "decimal(10,2)", required: true, min: 0}
  status:      {type: text, in: [pending, shipped], default: pending}
  note:        {type: text, max_length: 500}
indexes: [[customer_id, _created_at]]
unique: []
)yaml");
    Write("collections/customers.yaml", R"yaml(collection: customers
key: customer_id
fields:
  customer_id: {type: text}
  email:       {type: text, required: true}
  region:      integer
  country:     text
unique: [[email], [region, country]]
)yaml");
    Write("pipelines/orders_now.yaml", R"yaml(pipeline: orders_now
from: {changes: orders, start: earliest}
batch: {max_rows: 5000, max_wait: 50ms}
lookups:
  customers: {changes: customers, on: customer_id}
require: [customer_id is not null, amount >= 0]
sql: |
  SELECT c.order_id, c.amount
  FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id
to:
  - table: {name: orders, key: order_id, on_delete: delete}
  - lake:  {path: shop/orders_history/, compression: zstd, roll: {rows: 1000000, every: 60s}}
)yaml");
  }

  std::vector<std::string> Problems() const {
    const auto project = Load(directory_);
    std::vector<std::string> lines;
    if (!project)
      for (const auto& problem : project.error()) lines.push_back(Format(problem));
    return lines;
  }

  static std::string Lines(const std::vector<Problem>& problems) {
    std::string text;
    for (const auto& problem : problems) text += Format(problem) + "\n";
    return text;
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace millrace::project
