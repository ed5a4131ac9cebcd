#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace millrace::warehouse {

/// The engine reads over an entry at the end of its write-ahead log that is too short,
/// but refuses to open with one whose bytes are wrong. A power cut leaves such a tail:
/// the pages of an append that was not synced yet reach the disk in any order, or only
/// its length does. Cuts `wal` before the entry that `error`, of opening the engine,
/// names; durable on success. Transactions behind it are gone, each with the position of
/// its table: the pipelines write them again. False: `error` is about something else.
Result<bool> CutDamagedWal(const std::filesystem::path& wal, const Error& error);

}  // namespace millrace::warehouse
