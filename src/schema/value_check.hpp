#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <vector>

#include "literal.hpp"
#include "problems.hpp"
#include "schema/record_codec.hpp"
#include "schema/type.hpp"

namespace millrace::schema {

namespace ondemand = simdjson::ondemand;

inline constexpr int kMaxDepth = 64;

/// This thread's parser; its buffers are kept, and what it gave out dies with the next
/// Parse. Not to be used while a body is still being walked.
ondemand::parser& ThreadParser();

/// The raw text of a scalar (of an object or array: its first character). simdjson's
/// tokens reach to the next one, so spaces may stand at their end.
std::string_view TrimmedToken(ondemand::value& value);

/// Whether nothing follows the value that was walked over.
bool AtEnd(ondemand::document& document);

/// What simdjson says about a broken body.
std::string BrokenReason(simdjson::error_code code);

/// Reads values of one body and writes them in canonical form. simdjson's On-Demand
/// checks only what is walked over, so everything that is accepted here is walked to its
/// end; what is skipped has a problem already.
class ValueCheck {
 public:
  explicit ValueCheck(Problems& problems) : problems_(problems) {}

  /// Appends the literal of a value of `type` and, for scalars, says what it means
  /// (valid until the next body). False: a problem was added, `out` may hold a part.
  /// `depth` is that of the value itself; the record is 1.
  bool Check(const Type& type, ondemand::value value, const Path* where, int depth,
             std::string& out, Scalar* scalar);

  /// Any JSON value, minified.
  bool Minify(ondemand::value value, const Path* where, int depth, std::string& out);

  /// The name of a member without escapes. False: broken.
  bool Name(ondemand::field& field, const Path* object, std::string_view* name);

  bool Break(simdjson::error_code code);
  Problems& problems() { return problems_; }

 private:
  struct Text {
    std::string_view content;  ///< without escapes
    std::string_view quoted;   ///< as it stands in the body
    bool escaped = false;
  };

  bool ReadText(ondemand::value& value, const Path* where, Text* text);
  bool CheckString(const Type& type, ondemand::value& value, const Path* where,
                   std::string& out, Scalar* scalar);
  bool CheckNumber(const Type& type, ondemand::value& value, const Path* where,
                   std::string& out, Scalar* scalar);
  bool CheckBoolean(ondemand::value& value, const Path* where, std::string& out,
                    Scalar* scalar);
  bool CheckArray(const Type& type, ondemand::value& value, const Path* where, int depth,
                  std::string& out);
  bool CheckObject(const Type& type, ondemand::value& value, const Path* where, int depth,
                   std::string& out);
  bool MinifyObject(ondemand::value& value, const Path* where, int depth,
                    std::string& out);
  bool MinifyArray(ondemand::value& value, const Path* where, int depth,
                   std::string& out);
  bool MinifyScalar(ondemand::value& value, const Path* where, std::string& out);
  bool NamesDiffer(std::size_t first, const Path* where);
  bool WrongType(const Type& type, char first, const Path* where);
  bool Refuse(const Path* where, std::string message);

  Problems& problems_;
  std::vector<std::string_view> names_;  ///< of the objects being minified, a stack
};

/// Checks `json` (any bytes, no padding needed) as one value of `type`; pointers begin at
/// `where`. Uses the thread's parser.
bool CheckText(const Type& type, std::string_view json, const Path* where,
               Problems& problems, std::string& out, Scalar* scalar = nullptr);

/// How a value of the type looks, for "must be …".
std::string Expectation(const Type& type);

}  // namespace millrace::schema
