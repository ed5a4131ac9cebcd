#include <fmt/format.h>

#include "../exit_codes.hpp"
#include "../progress.hpp"
#include "../staged_directory.hpp"
#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/uuid.hpp"
#include "command.hpp"
#include "lake/compact.hpp"
#include "objects_embedded/file_object_store.hpp"

namespace millrace::app {
namespace {

struct CompactFlags {
  std::filesystem::path from, to;
  lake::CompactOptions options;
  std::string size = "128MiB";
  bool json = false;
  bool quiet = false;
};

bool Inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  return (path.string() + "/").starts_with(folder.string() + "/");
}

/// In the copy, whose readers skip it. Of this run alone: another one may be at work.
std::filesystem::path SpillFolder(const std::filesystem::path& to) {
  std::string name(lake::kSpillPrefix);
  AppendUuid(name += '-', IdMaker(SystemClock(), 0).UuidV7());
  return to / name;
}

Result<lake::CompactReport> CompactInto(const std::filesystem::path& from,
                                        const lake::CompactOptions& options,
                                        const std::filesystem::path& spill, bool quiet) {
  if (Inside(options.to, from) || Inside(from, options.to)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "--to " + options.to.string() + ": the copy must lie apart from the lake table");
  }
  objects::FileObjectStore store(from.parent_path());
  sql::EngineOptions engine;
  engine.directories = {from, options.to};
  engine.temp_directory = spill;
  MR_TRY(const auto reader, sql::Engine::Open(engine));
  engine.temp_directory.clear();
  MR_TRY(const auto writer, sql::Engine::Open(engine));
  lake::CompactProgress progress;
  const Progress shown("compact, rows", 0, [&] { return progress.rows.load(); }, quiet);
  auto report = lake::Compact(store, *reader, *writer, options, progress);
  if (report || report.error().code() != ErrorCode::kNotFound) return report;
  return Fail(ErrorCode::kNotFound, from.string() +
                                        " is no lake table: give the folder that its "
                                        "part-*.parquet are in");
}

std::string JsonOf(const lake::CompactReport& report) {
  std::string next;
  for (const auto& [partition, offset] : report.next) {
    next += fmt::format("{}\"{:04}\":{}", next.empty() ? "" : ",", partition, offset);
  }
  return fmt::format(
      "{{\"version\":{},\"rows\":{},\"files\":{},\"data_files\":{},\"bytes\":{},"
      "\"total_rows\":{},\"next_offsets\":{{{}}}}}",
      report.version, report.rows, report.files, report.data_files, report.bytes,
      report.total_rows, next);
}

int Compact(CompactFlags flags) {
  const auto bytes = ParseByteSize(flags.size);
  if (!bytes || *bytes == 0) {
    fmt::print(stderr, "millrace: --size {}: expected a size, such as 128MiB\n",
               flags.size);
    return kUsage;
  }
  flags.options.file_bytes = *bytes;
  const auto from = PlainPath(flags.from);
  flags.options.folder = from.filename().string();
  flags.options.to = PlainPath(flags.to);
  const auto spill = SpillFolder(flags.options.to);
  const auto report = CompactInto(from, flags.options, spill, flags.quiet || flags.json);
  std::error_code ignored;
  std::filesystem::remove_all(spill, ignored);
  if (!report) return Report(report.error());
  if (flags.json) {
    fmt::print("{}\n", JsonOf(*report));
  } else if (report->rows == 0) {
    fmt::print("{}: nothing new; version {} has {} rows\n", flags.to.string(),
               report->version, report->total_rows);
  } else {
    fmt::print("{}: version {} has {} rows; {} of them, from {} files, are new in {}\n",
               flags.to.string(), report->version, report->total_rows, report->rows,
               report->files, report->data_files);
  }
  return kOk;
}

}  // namespace

void AddLakeCommands(CLI::App& app, Action& action) {
  auto* lake = app.add_subcommand("lake", "work on tables of the lake");
  lake->require_subcommand(1);
  auto flags = std::make_shared<CompactFlags>();
  auto* compact = lake->add_subcommand(
      "compact",
      "copy a lake table into few large files, as an Iceberg table; again: what is new");
  compact
      ->add_option("PATH", flags->from,
                   "folder of the lake table, such as data/lake/orders_history")
      ->required();
  compact->add_option("--to", flags->to, "folder of the copy: new, or made by this")
      ->required();
  compact->add_option("--size", flags->size, "of a data file, about")
      ->capture_default_str();
  compact->add_option("--rows", flags->options.file_rows, "of a data file at most, about")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}));
  compact->add_flag("--json", flags->json, "one JSON line");
  compact->add_flag("--quiet", flags->quiet, "no progress");
  compact->callback([flags, &action] { action = [flags] { return Compact(*flags); }; });
}

}  // namespace millrace::app
