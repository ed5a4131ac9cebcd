#include <fmt/format.h>

#include <algorithm>

#include "base/file.hpp"
#include "config/config.hpp"

namespace millrace::config {
namespace {

constexpr std::string_view kPrefix = "MILLRACE__";
constexpr std::string_view kFileSuffix = "_file";
constexpr std::uint64_t kMaxSecretBytes = 64U << 10U;

/// "HTTP__BODY_LIMIT" → "http.body_limit".
std::string KeyOfVariable(std::string_view name) {
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i, 2) == "__") {
      key += '.';
      ++i;
    } else {
      const char c = name[i];
      key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return key;
}

/// A file's text without the line end that editors and `echo` leave.
Result<std::string> ReadSecretFile(const std::filesystem::path& path) {
  MR_TRY(auto text, ReadFile(path, kMaxSecretBytes));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return Fail(ErrorCode::kInvalidArgument, path.string() + " is empty");
  return text;
}

}  // namespace

std::string_view ToString(Origin origin) {
  switch (origin) {
    case Origin::kDefault:
      return "default";
    case Origin::kFile:
      return "file";
    case Origin::kEnvironment:
      return "environment";
    case Origin::kFlag:
      return "flag";
  }
  return "?";
}

GivenMap ReadEnvironment(const char* const* environment) {
  GivenMap given;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    if (!entry.starts_with(kPrefix)) continue;
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = entry.substr(0, equals);
    given[KeyOfVariable(name.substr(kPrefix.size()))] = {
        std::string(entry.substr(equals + 1)), std::string(name)};
  }
  return given;
}

Status AddFlag(std::string_view text, GivenMap& flags) {
  const auto equals = text.find('=');
  const auto key = text.substr(0, equals);
  if (equals == std::string_view::npos || key.find('.') == std::string_view::npos)
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--set {}: write --set section.key=value", text));
  flags[std::string(key)] = {std::string(text.substr(equals + 1)), "--set"};
  return {};
}

Loader::Loader(Sources sources) : sources_(std::move(sources)) {}

std::string Loader::Join(std::string_view section, std::string_view name) {
  return fmt::format("{}.{}", section, name);
}

std::optional<Loader::Found> Loader::Take(const std::string& key, bool secret) {
  known_.push_back(key);
  if (secret) known_.push_back(key + std::string(kFileSuffix));
  if (auto found = TakeFrom(sources_.flags, Origin::kFlag, key, secret)) return found;
  if (auto found = TakeFrom(sources_.environment, Origin::kEnvironment, key, secret))
    return found;
  return TakeFrom(sources_.file, Origin::kFile, key, secret);
}

std::optional<Loader::Found> Loader::TakeFrom(const GivenMap& given, Origin origin,
                                              const std::string& key, bool secret) {
  const auto direct = given.find(key);
  const auto file = secret ? given.find(key + std::string(kFileSuffix)) : given.end();
  if (file == given.end()) {
    if (direct == given.end()) return std::nullopt;
    return Found{direct->second.value, origin, direct->second.origin};
  }
  const auto& [name, by_file] = *file;
  if (direct != given.end()) {
    problems_.push_back(fmt::format("{}: {}: {} is given, too: leave one of them out",
                                    by_file.origin, name, key));
    return std::nullopt;
  }
  std::filesystem::path path = by_file.value;
  if (origin == Origin::kFile) path = sources_.file_directory / path;
  auto text = ReadSecretFile(path);
  if (!text) {
    problems_.push_back(
        fmt::format("{}: {}: {}", by_file.origin, name, text.error().message()));
    return std::nullopt;
  }
  return Found{*std::move(text), origin,
               fmt::format("{} ({})", by_file.origin, path.string())};
}

void Loader::AddWrong(const Setting& setting, std::string_view value,
                      const Error& error) {
  problems_.push_back(fmt::format("{}: {}: expected {}; got {}: {}", setting.where,
                                  setting.key, setting.expected, value, error.message()));
}

void Loader::AddInvalid(std::string_view section, const Status& status) {
  if (!status)
    problems_.push_back(fmt::format("{}: {}", section, status.error().message()));
}

void Loader::AddUnknown(const GivenMap& given) {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const auto& [key, entry] : given) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    auto text = fmt::format("{}: there is no setting {}", entry.origin, key);
    const auto near = NearMiss(key, known.data(), known.size());
    if (!near.empty())
      text += fmt::format("; did you mean {}?", near);
    else
      text += "; `millrace config` lists those that exist";
    problems_.push_back(std::move(text));
  }
}

std::expected<std::vector<Setting>, std::vector<std::string>> Loader::Finish() {
  AddUnknown(sources_.flags);
  AddUnknown(sources_.environment);
  AddUnknown(sources_.file);
  if (!problems_.empty()) return std::unexpected(std::move(problems_));
  return std::move(settings_);
}

}  // namespace millrace::config
