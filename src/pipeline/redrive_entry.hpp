#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "pipeline/dead_letters.hpp"

namespace millrace::pipeline {

/// An event of the redrive stream: a line that says which letter it is, then the event as
/// it is to be tried again. docs/formats/pipelines-db.md.
struct RedriveEntry {
  std::int64_t letter = 0;
  Offset offset = 0;  ///< of the letter's event in its own stream
  std::string_view sink;
  std::string_view event;
};
void AppendRedriveEntry(std::string& out, const RedriveEntry& entry);
/// nullopt: not of this form. Views point into `body`.
std::optional<RedriveEntry> ParseRedriveEntry(std::string_view body);

}  // namespace millrace::pipeline
