#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/snapshots.hpp"

namespace millrace::pipeline {

/// The entry behind the rows of a whole snapshot: {"snapshot":"end","rows":…,"epoch":…,
/// "position":…,"changes":…}. docs/formats/change-event.md.
void AppendSnapshotEntry(std::string& out, const Snapshot& snapshot);
/// The entry at `end`; nullopt: not of this form, so a row.
std::optional<Snapshot> ParseSnapshotEntry(std::string_view body, Offset end);

}  // namespace millrace::pipeline
