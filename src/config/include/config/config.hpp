#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.hpp"
#include "config/field.hpp"
#include "config/given.hpp"
#include "config/value.hpp"

/// Settings: one struct a room, whose Fields() is the only list of them. Parsing, bounds,
/// `millrace config` and docs/reference/settings.md are all made from it.
///
///   struct LogConfig {
///     config::Bytes segment_size = 64_MiB;
///     std::optional<config::Bytes> max_bytes;
///     static auto Fields() {
///       using C = LogConfig;
///       return std::tuple{
///           config::Field{"segment_size", &C::segment_size, "new file past this size",
///                         config::Within{1_MiB, 1_GiB}},
///           config::Field{"max_bytes", &C::max_bytes, "then on_full decides"}};
///     }
///     Status Validate() const;  // optional: what no single field can say
///   };
///
///   config::Loader loader(sources);
///   const auto log = loader.Read<LogConfig>("log");      // log.segment_size, …
///   const auto settings = loader.Finish();               // or every problem
///
/// A setting is taken from the first that gives it: flags, environment, file, default.
namespace millrace::config {

enum class Origin : std::uint8_t { kDefault, kFile, kEnvironment, kFlag };
std::string_view ToString(Origin origin);

/// One setting as it is in effect.
struct Setting {
  std::string key;            ///< "log.segment_size"
  std::string help;           ///< what it is for
  std::string expected;       ///< "size, 1MiB to 1GiB"
  std::string default_value;  ///< "64MiB"; "none"
  std::string value;          ///< "***" for a secret that is set
  Origin origin = Origin::kDefault;
  std::string
      where;  ///< "millrace.yaml:7:11", "MILLRACE__LOG__SEGMENT_SIZE", "--set"; empty
};

/// What people gave, by full name.
struct Sources {
  GivenMap file{};
  std::filesystem::path
      file_directory{};  ///< relative `…_file` names in `file` start here
  GivenMap environment{};
  GivenMap flags{};
};

/// From "NAME=value" strings, those of MILLRACE__SECTION__KEY: "__" becomes ".", letters
/// lower case. Others are left out. An environment entry with an empty value counts as
/// given.
GivenMap ReadEnvironment(const char* const* environment);

/// Adds "section.key=value" as written behind --set; a later one wins. kInvalidArgument
/// without a "=" or a ".".
Status AddFlag(std::string_view text, GivenMap& flags);

/// Reads rooms' structs from the sources. One thread, one use.
class Loader {
 public:
  explicit Loader(Sources sources);

  /// The section's settings; where one is wrong, its default stands and Finish() says so.
  template <typename C>
  C Read(std::string_view section) {
    C config;
    const C defaults;
    const auto problems_before = problems_.size();
    std::apply(
        [&](const auto&... field) { (ReadField(section, field, defaults, config), ...); },
        C::Fields());
    if constexpr (requires { config.Validate(); }) {
      if (problems_.size() == problems_before) AddInvalid(section, config.Validate());
    }
    return config;
  }

  /// Every setting that was read, in the order of reading; or every problem, a line each
  /// ("millrace.yaml:7:11: log.segment_size: …"), keys that no section has included.
  std::expected<std::vector<Setting>, std::vector<std::string>> Finish();

 private:
  struct Found {
    std::string value;
    Origin origin = Origin::kDefault;
    std::string where;
  };

  template <typename C, typename T>
  void ReadField(std::string_view section, const Field<C, T>& field, const C& defaults,
                 C& config) {
    Setting setting{Join(section, field.name()),
                    std::string(field.help()),
                    field.Expected(),
                    field.Print(defaults),
                    {},
                    {},
                    {}};
    if (const auto found = Take(setting.key, field.secret())) {
      setting.origin = found->origin;
      setting.where = found->where;
      if (const auto status = field.Read(found->value, config); !status)
        AddWrong(setting, field.secret() ? "***" : Excerpt(found->value), status.error());
    }
    setting.value = field.Print(config);
    settings_.push_back(std::move(setting));
  }

  static std::string Join(std::string_view section, std::string_view name);
  std::optional<Found> Take(const std::string& key, bool secret);
  std::optional<Found> TakeFrom(const GivenMap& given, Origin origin,
                                const std::string& key, bool secret);
  void AddWrong(const Setting& setting, std::string_view value, const Error& error);
  void AddInvalid(std::string_view section, const Status& status);
  void AddUnknown(const GivenMap& given);

  Sources sources_;
  std::vector<Setting> settings_;
  std::vector<std::string> known_;  ///< with the `_file` forms of secrets
  std::vector<std::string> problems_;
};

/// For people: key, value, origin in columns.
std::string PrintText(std::span<const Setting> settings);
/// [{"key","value","default","origin","where"}, …] on one line.
std::string PrintJson(std::span<const Setting> settings);
/// docs/reference/settings.md, whole: a table a section, from settings read without
/// sources.
std::string PrintReference(std::span<const Setting> settings);

}  // namespace millrace::config
