#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "change/codec.hpp"
#include "schema/record_codec.hpp"

namespace millrace::change {

/// How a system writes the times in its documents.
using AppendTime = void (*)(std::string& out, TimestampUs at);

/// Documents of a collection as document stores have them: `_id` first, which is the key
/// (a key named `id` stands there only); no nulls; decimals as numbers; times as the
/// system writes them; of the system fields those that the project has renamed.
class ForeignDocument {
 public:
  explicit ForeignDocument(const schema::Collection& collection);

  const schema::Collection& collection() const { return collection_; }
  /// A key named `id` is the document's `_id`.
  bool key_is_id() const { return collection_.key == "id"; }

  /// Appends `_id` and the members that are not null, without braces.
  void AppendMembers(std::string& out, const Event& event, std::string_view image,
                     AppendTime append_time) const;
  /// {"updatedFields":{…},"removedFields":[…],"truncatedArrays":[]}
  void AppendDifference(std::string& out, std::string_view before, std::string_view after,
                        AppendTime append_time) const;

  /// `document` → `change.key` and `.image`. `id`: the `_id` that the event names beside
  /// it, or empty. kInvalidArgument names every bad field.
  Status Read(simdjson::dom::object document, std::string_view id,
              ForeignChange& change) const;
  /// The image of which only the key is known.
  Status ReadKeyOnly(std::string_view key, ForeignChange& change) const;

 private:
  struct Body;
  bool Shown(std::size_t column) const;
  void AppendLiteral(std::string& out, std::size_t column, std::string_view literal,
                     AppendTime append_time) const;
  Status AddMember(Body& body, std::string_view name, simdjson::dom::element value) const;
  Status Finish(Body body, ForeignChange& change) const;

  schema::Collection collection_;
  schema::Columns columns_;
  schema::RecordCodec lenient_;  ///< types only: no rule on values
};

/// Text of a member, or of {"$oid": text}; empty when it is neither.
std::string_view IdText(simdjson::dom::element value);
/// RFC 3339, or "2026-11-21 07:00:05.5" and "2026-11-21T07:00:05" in UTC.
Result<TimestampUs> ParseForeignTime(std::string_view text);
/// Parses an object; the reason when it is none.
Result<simdjson::dom::object> ParseObject(simdjson::dom::parser& parser,
                                          std::string_view payload);

}  // namespace millrace::change
