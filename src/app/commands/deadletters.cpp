#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "../data_access.hpp"
#include "../exit_codes.hpp"
#include "../json_view.hpp"
#include "../letter_text.hpp"
#include "../offline_letters.hpp"
#include "../progress.hpp"
#include "../project_loading.hpp"
#include "base/json.hpp"
#include "command.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::milliseconds kLookAgain{50};
constexpr std::uint32_t kPage = 1'000;

struct LetterFlags {
  std::filesystem::path data = "data", project = ".";
  pipeline::DeadLetterFilter filter;
  std::vector<std::string> set;
  std::string document, why;
  bool all = false, reset = false, apply = false, dry_run = false;
  bool json = false, quiet = false;

  bool selects() const {
    return all || !filter.ids.empty() || !filter.pipeline.empty() ||
           !filter.sink.empty() || !filter.stage.empty() || !filter.key.empty() ||
           filter.mended;
  }
};

/// A server's letter works, or our own where none runs. Ours need the project.
class Works {
 public:
  static std::expected<std::unique_ptr<Works>, int> Open(const LetterFlags& flags) {
    auto works = std::make_unique<Works>();
    auto access = DataAccess::Open(flags.data);
    if (!access) return std::unexpected(Report(access.error()));
    if ((*access)->letters() != nullptr) {
      works->access_ = std::move(*access);
      return works;
    }
    access->reset();
    auto loaded = LoadProject(flags.project, {});
    if (!loaded) {
      fmt::print(stderr,
                 "millrace: no server runs on {}: say where the project is with "
                 "--project\n",
                 flags.data.string());
      return std::unexpected(loaded.error());
    }
    works->loaded_ = std::move(*loaded);
    auto own = OfflineLetters::Open(works->loaded_.project, works->loaded_.settings,
                                    flags.data, *works->loaded_.logger);
    if (!own) return std::unexpected(Report(own.error()));
    works->own_ = std::move(*own);
    return works;
  }
  LetterWorks& operator*() { return own_ != nullptr ? *own_ : *access_->letters(); }
  LetterWorks* operator->() { return &**this; }

 private:
  std::unique_ptr<DataAccess> access_;
  LoadedProject loaded_;
  std::unique_ptr<OfflineLetters> own_;
};

/// Prints the letters of a filter, at most `limit`, and gives how many.
Result<std::uint64_t> Print(DataAccess& access, pipeline::DeadLetterFilter filter,
                            std::uint64_t limit, bool json) {
  std::uint64_t printed = 0;
  bool begun = false;
  while (printed < limit) {
    filter.limit =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(limit - printed, kPage));
    MR_TRY(const auto page, access.DeadLetters(filter));
    const auto items = ItemsOf(page);
    if (json && !std::exchange(begun, true)) fmt::print("[");
    for (const auto& item : items.items) {
      if (json) {
        fmt::print("{}{}", printed == 0 ? "" : ",\n ", item);
      } else {
        fmt::print("{}", LetterLine(item));
      }
      ++printed;
    }
    if (items.next_cursor.empty()) break;
    filter.cursor = items.next_cursor;
  }
  if (json) fmt::print("]\n");
  return printed;
}

int List(const LetterFlags& flags) {
  const auto access = DataAccess::Open(flags.data);
  if (!access) return Report(access.error());
  const auto printed = Print(**access, flags.filter, flags.filter.limit, flags.json);
  if (!printed) return Report(printed.error());
  if (*printed == 0 && !flags.json) fmt::print("no dead letters\n");
  return kOk;
}

pipeline::DeadLetterFilter WithEachIdOnce(pipeline::DeadLetterFilter filter) {
  std::ranges::sort(filter.ids);
  const auto again = std::ranges::unique(filter.ids);
  filter.ids.erase(again.begin(), again.end());
  return filter;
}

int Show(const LetterFlags& flags) {
  const auto access = DataAccess::Open(flags.data);
  if (!access) return Report(access.error());
  auto filter = WithEachIdOnce(flags.filter);
  filter.state = "all";
  filter.limit = kPage;
  std::size_t shown = 0;
  do {
    const auto page = (*access)->DeadLetters(filter);
    if (!page) return Report(page.error());
    const auto items = ItemsOf(*page);
    for (const auto& item : items.items) {
      fmt::print("{}\n", flags.json ? item : LetterPage(item));
    }
    shown += items.items.size();
    filter.cursor = items.next_cursor;
  } while (!filter.cursor.empty());
  if (shown == filter.ids.size()) return kOk;
  fmt::print(stderr, "millrace: {} of {} letters are not there\n",
             filter.ids.size() - shown, filter.ids.size());
  return kNotThere;
}

std::string SpecJson(const LetterFlags& flags) {
  std::string out = "{\"set\":[";
  for (const auto& text : flags.set) {
    const auto equal = text.find('=');
    const auto trim = [](const std::string& part) {
      const auto from = part.find_first_not_of(" \t\n");
      const auto to = part.find_last_not_of(" \t\n");
      return from == std::string::npos ? "" : part.substr(from, to - from + 1);
    };
    if (!out.ends_with('[')) out += ',';
    out += '[';
    AppendJsonString(out, trim(text.substr(0, equal)));
    out += ',';
    AppendJsonString(out, trim(text.substr(equal + 1)));
    out += ']';
  }
  out += "],\"document\":";
  AppendJsonString(out, flags.document);
  out += fmt::format(",\"reset\":{},\"apply\":{},\"shown\":{}}}", flags.reset,
                     flags.apply, flags.filter.limit);
  return out;
}

int Mend(const LetterFlags& flags) {
  auto works = Works::Open(flags);
  if (!works) return works.error();
  const auto report = (**works)->Mend(flags.filter, SpecJson(flags));
  if (!report) return Report(report.error());
  fmt::print("{}", flags.json ? *report + "\n" : MendText(*report));
  return report->find("\"failing\":0,") != std::string::npos ? kOk : kFailed;
}

std::uint64_t NumberOf(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const auto at = json.find(key);
  return at == std::string_view::npos
             ? 0
             : std::strtoull(std::string(json.substr(at + key.size(), 20)).c_str(),
                             nullptr, 10);
}

/// Follows a redrive to its end; its last word.
Result<std::string> Follow(LetterWorks& works, std::uint64_t run, std::uint64_t letters,
                           bool quiet) {
  std::atomic<std::uint64_t> done{0};
  const Progress progress("redrive", letters, [&done] { return done.load(); }, quiet);
  while (true) {
    const auto asked = std::chrono::steady_clock::now();
    MR_TRY(auto state, works.Redriven(run));
    const auto waiting = NumberOf(state, "waiting");
    done = letters - std::min(letters, waiting);
    const bool stopped = state.find("\"state\":\"stopped\"") != std::string::npos;
    if (waiting == 0 || stopped) return state;
    // It counts them all: of a large redrive not so often that it holds that up.
    const auto took = std::chrono::steady_clock::now() - asked;
    std::this_thread::sleep_for(
        std::max<std::chrono::steady_clock::duration>(kLookAgain, 20 * took));
  }
}

/// The open letters that are meant, and what would become of them.
int Preview(const LetterFlags& flags, std::string_view would) {
  const auto access = DataAccess::Open(flags.data);
  if (!access) return Report(access.error());
  auto filter = WithEachIdOnce(flags.filter);
  filter.state = "open";
  const auto printed =
      Print(**access, filter, std::numeric_limits<std::uint64_t>::max(), flags.json);
  if (!printed) return Report(printed.error());
  if (!filter.ids.empty() && *printed < filter.ids.size()) {
    fmt::print(stderr, "millrace: {} of {} letters are not open, or not there\n",
               filter.ids.size() - *printed, filter.ids.size());
  }
  if (flags.json) return kOk;
  if (*printed == 0) {
    fmt::print("no open letters match\n");
  } else {
    fmt::print("{} letters would be {}\n", *printed, would);
  }
  return kOk;
}

int Dismiss(const LetterFlags& flags) {
  if (!flags.apply) return Preview(flags, "dismissed, for good: --apply does it");
  auto works = Works::Open(flags);
  if (!works) return works.error();
  const auto dismissed = (**works)->Dismiss(flags.filter, flags.why);
  if (!dismissed) return Report(dismissed.error());
  const auto letters = NumberOf(*dismissed, "dismissed");
  if (flags.json) {
    fmt::print("{}\n", *dismissed);
  } else if (letters == 0) {
    fmt::print("no open letters match\n");
  } else {
    fmt::print("{} letters dismissed\n", letters);
  }
  return kOk;
}

int Redrive(const LetterFlags& flags) {
  if (flags.dry_run) return Preview(flags, "sent again");
  auto works = Works::Open(flags);
  if (!works) return works.error();
  const auto started = (**works)->Redrive(flags.filter);
  if (!started) return Report(started.error());
  const auto run = NumberOf(*started, "run"), letters = NumberOf(*started, "letters");
  if (letters == 0) {
    fmt::print("{}", flags.json ? *started + "\n" : "no open letters match\n");
    return kOk;
  }
  const auto end = Follow(***works, run, letters, flags.quiet || flags.json);
  if (!end) return Report(end.error());
  fmt::print("{}", flags.json ? *end + "\n" : RedriveText(*end));
  const bool whole = NumberOf(*end, "died") == 0 && NumberOf(*end, "waiting") == 0;
  if (!whole && !flags.json) {
    fmt::print(stderr, "millrace: see `millrace deadletters list --run {}`{}\n", run,
               NumberOf(*end, "waiting") > 0 ? "; a sink has stopped, see `status`" : "");
  }
  return whole ? kOk : kFailed;
}

void AddFilter(CLI::App& command, LetterFlags& flags) {
  command.add_option("--data", flags.data, "data directory")->capture_default_str();
  command.add_option("--pipeline", flags.filter.pipeline, "only of this pipeline");
  command.add_option("--sink", flags.filter.sink, "only of this sink, as table.orders");
  command.add_option("--stage", flags.filter.stage, "only of this stage")
      ->check(CLI::IsMember({"decode", "require", "lookup", "sql", "sink", "parked"}));
  command.add_option("--key", flags.filter.key, "only of this record");
  command.add_flag("--mended", flags.filter.mended, "only those that were mended");
  command.add_flag("--json", flags.json, "as JSON");
}

void AddSelection(CLI::App& command, LetterFlags& flags) {
  command.add_option("ID", flags.filter.ids, "these letters");
  command.add_flag("--all", flags.all, "every open letter");
  command
      .add_option("--project", flags.project, "project directory, where no server runs")
      ->capture_default_str();
}

void CheckSelection(const LetterFlags& flags, const char* command) {
  if (flags.selects()) return;
  throw CLI::ValidationError(command,
                             "say which letters: their ids, --pipeline, --sink, --stage, "
                             "--key, --mended, or --all");
}

void AddMend(CLI::App& group, Action& action) {
  auto flags = std::make_shared<LetterFlags>();
  flags->filter.limit = 20;
  auto* command = group.add_subcommand(
      "mend", "change open letters by SQL expressions; shows it, --apply keeps it");
  AddFilter(*command, *flags);
  AddSelection(*command, *flags);
  command->add_option("--set", flags->set,
                      "FIELD=EXPRESSION over the letter's fields, payload, reason; "
                      "repeatable");
  command->add_option("--document", flags->document,
                      "instead: an expression for the whole document");
  command->add_flag("--reset", flags->reset, "instead: back to what came");
  command->add_flag("--apply", flags->apply, "keep it, for the next redrive");
  command->add_option("--limit", flags->filter.limit, "show at most so many")
      ->capture_default_str();
  command->callback([flags, &action] {
    CheckSelection(*flags, "mend");
    for (const auto& text : flags->set) {
      if (text.find('=') == std::string::npos || text.front() == '=') {
        throw CLI::ValidationError("--set", text + ": expected FIELD=EXPRESSION");
      }
    }
    action = [flags] { return Mend(*flags); };
  });
}

void AddRedrive(CLI::App& group, Action& action) {
  auto flags = std::make_shared<LetterFlags>();
  auto* command = group.add_subcommand(
      "redrive", "send open letters, mended or not, to the sink that refused them");
  AddFilter(*command, *flags);
  AddSelection(*command, *flags);
  command->add_flag("--dry-run", flags->dry_run, "only show which");
  command->add_flag("--quiet", flags->quiet, "no progress");
  command->callback([flags, &action] {
    CheckSelection(*flags, "redrive");
    action = [flags] { return Redrive(*flags); };
  });
}

void AddDismiss(CLI::App& group, Action& action) {
  auto flags = std::make_shared<LetterFlags>();
  auto* command = group.add_subcommand(
      "dismiss", "give open letters up for good; shows which, --apply does it");
  AddFilter(*command, *flags);
  AddSelection(*command, *flags);
  command->add_option("--reason", flags->why, "why, kept with them");
  command->add_flag("--apply", flags->apply, "do it");
  command->callback([flags, &action] {
    CheckSelection(*flags, "dismiss");
    action = [flags] { return Dismiss(*flags); };
  });
}

}  // namespace

void AddLetterCommands(CLI::App& app, Action& action) {
  auto* group = app.add_subcommand("deadletters", "what pipelines could not use");
  group->require_subcommand(1);

  auto flags = std::make_shared<LetterFlags>();
  flags->filter.limit = 10'000;
  auto* command = group->add_subcommand("list", "the letters, oldest first");
  AddFilter(*command, *flags);
  command->add_option("--state", flags->filter.state,
                      "open, sent, rebuilding (those three by default), applied, "
                      "superseded, rebuilt, dismissed or all");
  command->add_option("--run", flags->filter.run, "only of this redrive");
  command->add_option("--limit", flags->filter.limit, "at most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([flags, &action] { action = [flags] { return List(*flags); }; });

  auto shown = std::make_shared<LetterFlags>();
  command = group->add_subcommand("show", "everything about letters");
  command->add_option("ID", shown->filter.ids, "these letters")->required();
  command->add_option("--data", shown->data, "data directory")->capture_default_str();
  command->add_flag("--json", shown->json, "as JSON, one a line");
  command->callback([shown, &action] { action = [shown] { return Show(*shown); }; });

  AddMend(*group, action);
  AddRedrive(*group, action);
  AddDismiss(*group, action);
}

}  // namespace millrace::app
