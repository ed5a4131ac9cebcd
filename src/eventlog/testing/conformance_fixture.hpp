#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "eventlog/event_log.hpp"
#include "eventlog/testing/log_driver.hpp"

namespace millrace::eventlog {

/// A log that starts empty and can be closed and opened again with what it holds.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;
  virtual EventLog& log() = 0;
  virtual void Reopen() = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<LogUnderTest>()> make;
};

inline void PrintTo(const Adapter& adapter, std::ostream* out) { *out << adapter.name; }

inline std::string AdapterName(const testing::TestParamInfo<Adapter>& info) {
  return info.param.name;
}

class EventLogConformance : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }

  EventLog& log() { return under_test_->log(); }
  LogDriver driver() { return LogDriver(log()); }
  void Reopen() { under_test_->Reopen(); }

  const StreamId stream_{"", "orders"};

 private:
  std::unique_ptr<LogUnderTest> under_test_;
};

}  // namespace millrace::eventlog
