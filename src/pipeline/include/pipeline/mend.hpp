#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace millrace::pipeline {

/// What is to be changed in the documents of dead letters: SQL expressions over one
/// letter. They see the document's fields by name, each with its type, or null where the
/// document lacks it or has something else there; and `payload` (the document's JSON
/// text, or all the text that could not be read), `reason`, `stage` and `letter_key`,
/// except where a field has that name. A letter that is mended already is mended further.
struct MendSpec {
  /// Fields (not the key) and their new values, cast to the field's type.
  std::vector<std::pair<std::string, std::string>> set;
  /// Instead: the whole document, as JSON or a struct.
  std::string document;
  /// Instead: as it came.
  bool reset = false;
};

/// What a mend makes of one letter.
struct MendedLetter {
  std::int64_t id = 0;
  std::string sink, key, stage, reason;
  std::string before, after;  ///< documents; what could not be read as it stands
  bool changed = false;
  /// Why it cannot be mended so (then it stays as it was), or would die again; empty: it
  /// would go through now.
  std::string problem;
};

struct MendReport {
  std::string pipeline;
  std::uint64_t letters = 0, changed = 0;
  std::uint64_t failing = 0;  ///< with a problem, changed or not
  bool applied = false;
  std::vector<MendedLetter>
      shown;  ///< some of them: those that change first, with problems first
};

}  // namespace millrace::pipeline
