#include <gtest/gtest.h>

#include "test_support.hpp"

/// The sink of test_support.hpp.
namespace millrace::pipeline {

void SinkStore::WaitForPosition(Offset next) {
  std::unique_lock lock(mutex);
  const bool reached = changed.wait_for(lock, std::chrono::seconds(30),
                                        [&] { return position.value_or(0) >= next; });
  EXPECT_TRUE(reached) << "position " << position.value_or(0);
}

Result<std::optional<Offset>> StoreSink::Open(const schema::Columns& output) {
  const std::lock_guard lock(store_->mutex);
  if (!store_->columns.empty() && store_->columns != output) {
    return Fail(ErrorCode::kInvalidArgument, "other columns");
  }
  store_->columns = output;
  next_ = store_->position.value_or(0);
  return store_->position;
}

Status StoreSink::Start(Offset first) {
  const std::lock_guard lock(store_->mutex);
  store_->starts.push_back(first);
  store_->position = first;
  next_ = first;
  return {};
}

Status StoreSink::Write(SinkBatch batch) {
  const std::lock_guard lock(store_->mutex);
  ++store_->attempts;
  if (store_->before_write) {
    if (auto failed = store_->before_write(store_->attempts); !failed) {
      rows_.clear();
      tombstones_.clear();
      next_ = *store_->position;
      due_.reset();
      return failed;
    }
  }
  EXPECT_EQ(batch.first, next_);
  const auto take = [](const sql::Batch& rows, std::map<Offset, std::string>& into) {
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      const auto column = static_cast<std::size_t>(rows.Find("_offset"));
      std::string json;
      rows.AppendJsonRow(json, row);
      const auto at = static_cast<Offset>(rows.Int64(column, row));
      EXPECT_TRUE(into.emplace(at, json).second) << json;
    }
  };
  take(batch.rows, rows_);
  take(batch.tombstones, tombstones_);
  store_->writes.emplace_back(batch.first, batch.next);
  next_ = batch.next;
  if (!store_->rolls) return Commit();
  if (!due_) due_ = std::chrono::steady_clock::now() + store_->roll_every;
  return {};
}

Status StoreSink::Commit() {
  for (auto& [at, row] : rows_) EXPECT_TRUE(store_->rows.emplace(at, row).second) << row;
  store_->tombstones.insert(tombstones_.begin(), tombstones_.end());
  rows_.clear();
  tombstones_.clear();
  store_->position = next_;
  due_.reset();
  store_->changed.notify_all();
  return {};
}

Status StoreSink::Skip(Offset next, const std::string& why) {
  const std::lock_guard lock(store_->mutex);
  store_->gaps.push_back(why);
  next_ = next;
  return Commit();
}

std::optional<Offset> StoreSink::Stored() {
  const std::lock_guard lock(store_->mutex);
  return store_->position;
}

Offset StoreSink::committed() const {
  const std::lock_guard lock(store_->mutex);
  return *store_->position;
}

std::optional<std::chrono::steady_clock::time_point> StoreSink::due() const {
  return due_;
}

Status StoreSink::Flush() {
  const std::lock_guard lock(store_->mutex);
  ++store_->flushes;
  return Commit();
}

}  // namespace millrace::pipeline
