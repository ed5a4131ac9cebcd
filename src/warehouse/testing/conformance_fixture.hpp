#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "query/query.hpp"
#include "warehouse/testing/warehouse_driver.hpp"

namespace millrace::warehouse {

/// A warehouse that starts empty and can be closed and opened again with what it holds.
class WarehouseUnderTest {
 public:
  virtual ~WarehouseUnderTest() = default;
  virtual Warehouse& warehouse() = 0;
  virtual void Reopen() = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<WarehouseUnderTest>()> make;
};

inline void PrintTo(const Adapter& adapter, std::ostream* out) { *out << adapter.name; }

inline std::string AdapterName(const testing::TestParamInfo<Adapter>& info) {
  return info.param.name;
}

class WarehouseConformance : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    OpenDriver();
  }
  void TearDown() override { driver_.reset(); }

  Warehouse& warehouse() { return under_test_->warehouse(); }
  WarehouseDriver& orders() { return *driver_; }
  void Reopen() {
    driver_.reset();
    under_test_->Reopen();
    OpenDriver();
  }

  /// The page of a raw query, as a client would ask.
  Result<Warehouse::RowsPage> Page(const std::string& raw,
                                   const std::string& cursor = "") {
    MR_TRY(const auto tables, warehouse().Tables());
    const auto text = cursor.empty() ? raw : raw + "&cursor=" + cursor;
    MR_TRY(const auto query, query::Parse(text, "orders", tables[0].columns, "id"));
    return warehouse().Rows(tables[0], query, Deadline::Never());
  }

 private:
  void OpenDriver() {
    driver_ = std::make_unique<WarehouseDriver>(warehouse());
    driver_->Open();
  }
  std::unique_ptr<WarehouseUnderTest> under_test_;
  std::unique_ptr<WarehouseDriver> driver_;
};

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Rows = std::vector<TestRow>;

}  // namespace millrace::warehouse
