#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.hpp"
#include "base/result.hpp"
#include "base/uuid.hpp"
#include "schema/type.hpp"

namespace millrace::sql {

/// Typed columns and rows, in the engine's own layout (blocks of 2,048 rows). Immutable,
/// cheap to move; any thread, one at a time.
class Batch {
 public:
  Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  ~Batch();

  std::size_t rows() const;
  const schema::Columns& columns() const;
  /// Index of the column, -1 if absent.
  int Find(std::string_view column) const;

  bool IsNull(std::size_t column, std::size_t row) const;
  /// kBoolean, kInteger, kBigint, kDate (days), kTimestamp (us), decimals up to 18 digits
  /// (unscaled), as the column is.
  std::int64_t Int64(std::size_t column, std::size_t row) const;
  double Double(std::size_t column, std::size_t row) const;
  /// kText, kJson, kBytes (raw). The view lives as long as the batch.
  std::string_view Text(std::size_t column, std::size_t row) const;
  /// The canonical literal (schema/record_codec.hpp), "null" for null. Any type.
  void AppendJson(std::string& out, std::size_t column, std::size_t row) const;
  /// {"a":1,…} with the columns named in `indexes` order (all when empty).
  void AppendJsonRow(std::string& out, std::size_t row,
                     const std::vector<std::size_t>& indexes = {}) const;
  /// The rows in `selection` (ascending or not), copied.
  Batch Select(const std::vector<std::uint32_t>& selection) const;

  struct Impl;
  explicit Batch(std::unique_ptr<Impl> impl);
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Fills a batch row by row; every column of a row is set exactly once, then EndRow.
/// Setters must fit the column's type (checked in debug builds). Not thread-safe.
class BatchBuilder {
 public:
  explicit BatchBuilder(schema::Columns columns, std::size_t expected_rows = 2048);
  BatchBuilder(BatchBuilder&&) noexcept;
  ~BatchBuilder();

  void SetNull(std::size_t column);
  void SetBool(std::size_t column, bool value);
  void SetInt(std::size_t column,
              std::int64_t value);  ///< kInteger, kBigint, kDate, kTimestamp
  void SetDouble(std::size_t column, double value);
  void SetDecimal(std::size_t column, Int128 unscaled);
  void SetUuid(std::size_t column, const Uuid& value);
  void SetText(std::size_t column,
               std::string_view value);  ///< kText, kJson, kBytes (raw)
  /// Any type from its canonical literal, "null" included: the way for arrays, objects
  /// and everything that is not hot. kInvalidArgument if it does not fit the type.
  Status SetLiteral(std::size_t column, std::string_view literal);
  void EndRow();
  /// Drops what was set of the current row.
  void AbandonRow();
  std::size_t rows() const;
  /// The batch; the builder is empty afterwards and can be filled again.
  Batch Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sql
