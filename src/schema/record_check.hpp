#pragma once

#include <span>
#include <string>
#include <vector>

#include "record_tables.hpp"
#include "value_check.hpp"

namespace millrace::schema {

/// Checks one record's object at a time against a collection. Lives for one body; its
/// buffers are used again for each record of a batch.
class RecordCheck {
 public:
  RecordCheck(const Collection& collection, const RecordTables& tables,
              Problems& problems)
      : collection_(collection), tables_(tables), check_(problems) {}

  /// Reads the members; afterwards literal() and given() tell of each field.
  /// False: it is not even an object, and there is nothing to make a record of.
  bool Read(ondemand::value value, const Path* where);
  void Read(ondemand::object object, const Path* where);

  /// Whether the body named the field. If so, its literal (which may be "null").
  bool given(std::size_t field) const { return spans_[field].given; }
  std::string_view literal(std::size_t field) const {
    const auto& span = spans_[field];
    return std::string_view(literals_).substr(span.begin, span.end - span.begin);
  }

  /// The key comes from the URL; the body may repeat it, not change it.
  void SetKey(std::string_view literal);

  /// Makes the whole record of `draft`, whatever it was, adding problems for what is
  /// missing.
  void MakeDraft(const Path* where, Draft& draft);

  /// In a patch an object may be a patch itself: it is kept as any JSON.
  void AllowMerge() { allow_merge_ = true; }

 private:
  struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool given = false;
    bool good = false;  ///< else a problem was added, and the literal may be a part
  };

  void ReadField(std::size_t field, ondemand::value value, const Path* where);

  const Collection& collection_;
  const RecordTables& tables_;
  ValueCheck check_;
  bool allow_merge_ = false;
  std::string literals_;
  std::vector<Span> spans_;
};

/// Parses `body` as one object and reads it. False: broken, or not an object.
bool ReadObject(std::string_view body, RecordCheck& record, Problems& problems);

}  // namespace millrace::schema
