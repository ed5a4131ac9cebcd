#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "schema/collection.hpp"

namespace millrace::schema {

/// JSON bodies must be followed by this many readable bytes (simdjson's padding).
inline constexpr std::size_t kJsonPadding = 64;

/// One record on its way in: checked, canonical, without system fields.
struct Draft {
  std::string key;   ///< text form of the key (as in URLs); empty: to be generated
  std::string json;  ///< {"order_id":…,…}: every declared field in declared order, null
                     ///< where absent
  std::size_t key_at = 0;  ///< where the generated key's literal belongs in `json`
};

/// A draft that somebody else keeps.
struct DraftView {
  std::string_view key, json;
  std::size_t key_at = 0;
};

/// A checked merge patch (RFC 7396) of one record.
struct Patch {
  struct Item {
    std::size_t field;
    bool merge;  ///< object or json field given an object: merge into what is stored
    std::string json;  ///< canonical literal ("null" removes), or the patch to merge
  };
  std::vector<Item> items;
};

/// Checks record bodies against one collection and writes the canonical form that is
/// stored, hashed, logged and sent out. Immutable after construction: any thread.
///
/// Canonical document: no spaces; declared fields in declared order, each present, null
/// where absent; then created_at, updated_at, version. Literals by type: integer, bigint
/// digits; double shortest (base/json.hpp); decimal a string with exactly `scale`
/// digits; timestamp and date as base/time.hpp; uuid lower case; bytes base64; json
/// minified in the order given; array and object of those, objects with every field.
///
/// Refused (kInvalidArgument, one FieldError a bad field, all of them in one answer):
/// empty or broken JSON, anything but an object (or a non-empty array of objects in
/// ParseCreates), duplicate names at any depth, depth over 64, NUL in text, invalid
/// UTF-8, lone surrogates, a field the collection lacks or any `_…` (with a near miss), a
/// JSON type other than the field's (no coercion; decimal takes string or number), a
/// missing or null required field, `in`, `min`, `max`, lengths, a key that is null, empty
/// or over 512 bytes, digits that do not fit. Pointers: "/amount", in arrays "/3/amount".
class RecordCodec {
 public:
  explicit RecordCodec(Collection collection);
  const Collection& collection() const { return collection_; }

  /// An object or an array of at most `max_records` objects. `*batch` says which.
  /// Defaults are filled in. The body must have kJsonPadding readable bytes behind it.
  Result<std::vector<Draft>> ParseCreates(std::string_view body, std::size_t max_records,
                                          bool* batch) const;
  /// The same one by one, for who keeps them in another way: `sink` may move from what it
  /// gets, whose memory is used again. On failure what it got is worth nothing.
  Status ParseEachCreate(std::string_view body, std::size_t max_records, bool* batch,
                         const std::function<void(Draft&)>& sink) const;
  /// A whole new record for `key` (key in the body optional; another one is refused).
  Result<Draft> ParseReplace(std::string_view body, std::string_view key) const;
  /// An object given to an object field is checked as JSON here, against its type in
  /// Apply.
  Result<Patch> ParsePatch(std::string_view body, std::string_view key) const;
  /// The declared fields of `document` (canonical, as stored) with `patch` applied,
  /// checked again as a whole (required, nested): a Draft's `json`. Fields that the
  /// document lacks (declared later) get their default or null.
  Result<std::string> Apply(std::string_view document, const Patch& patch) const;

  /// Adds the system fields, and the key where the draft lacks it: `generated_key` is its
  /// text form ("42", "018bcfe5-…"), not used otherwise.
  std::string Finish(const Draft& draft, std::string_view generated_key,
                     TimestampUs created_at, TimestampUs updated_at,
                     const Version& version) const;
  /// The same behind what is in `out`, which grows by at most the size of draft and key
  /// and system_size().
  void AppendFinished(std::string& out, const DraftView& draft,
                      std::string_view generated_key, TimestampUs created_at,
                      TimestampUs updated_at, const Version& version) const;
  std::size_t system_size() const;

  /// Text form of the key → canonical literal for its type ("42" → 42 for bigint,
  /// "\"a\"" for text); kInvalidArgument if it cannot be a key of this type.
  Result<std::string> KeyLiteral(std::string_view key) const;
  /// Canonical literal of the type for a text value, as in filters and CSV cells
  /// ("12.5" for decimal(10,2) → "\"12.50\"").
  static Result<std::string> LiteralFromText(const Type& type, std::string_view text);

 private:
  Collection collection_;
  // Lookup tables for the parser.
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

/// Finds the raw literal of a top-level member in a canonical document (no spaces, no
/// duplicate names). Empty view when absent. Linear, no allocation.
std::string_view FindMember(std::string_view document, std::string_view name);

/// Text form of a canonical scalar literal, as in URLs and CSV: strings without quotes
/// and escapes, others as they stand. What LiteralFromText reads back.
std::string TextOf(std::string_view literal);

/// Checks and minifies any JSON value: the rules above for depth, duplicates, NUL, UTF-8.
Result<std::string> MinifyJson(std::string_view padded);

/// A literal of `type` as a key that memcmp/numeric comparison orders like the value.
/// Null → monostate.
struct SortValue {
  enum class Tag : std::uint8_t { kNull, kInteger, kReal, kText } tag = Tag::kNull;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  ///< also decimals (fixed-width, order-preserving), uuid, date,
                     ///< timestamp as integer
};
/// Arrays, objects and json compare as text.
Result<SortValue> ToSortValue(const Type& type, std::string_view literal);

}  // namespace millrace::schema
