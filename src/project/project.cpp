#include "project/project.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/file.hpp"
#include "collection_reader.hpp"
#include "pipeline_reader.hpp"
#include "project/users.hpp"
#include "settings_reader.hpp"
#include "sinks_meet.hpp"
#include "stream_reader.hpp"
#include "tenants.hpp"
#include "values.hpp"

namespace millrace::project {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 1U << 20U;
constexpr std::string_view kProjectFile = "millrace.yaml";
constexpr std::array<std::string_view, 3> kFolders = {"collections", "streams",
                                                      "pipelines"};

class Loader {
 public:
  explicit Loader(const fs::path& directory) { project_.directory = directory; }

  config::GivenMap Settings() {
    ReadProject();
    return std::move(project_.settings);
  }

  std::expected<Project, std::vector<Problem>> Run() {
    if (ReadProject()) {
      CheckFolderNames();
      if (!project_.audit.empty()) AddAudit();
      if (project_.auth_style == AuthStyle::kR0) AddBuiltIn(UsersOfR0());
      for (const auto& file : FilesOf("collections")) AddCollection(file);
      if (project_.closed()) AddUsers();
      for (const auto& file : FilesOf("streams")) AddStream(file);
      for (const auto& file : FilesOf("pipelines")) AddPipeline(file);
      CheckSinks(project_.pipelines, problems_);
      CheckTenants(project_, problems_);
    }
    if (!problems_.empty()) return std::unexpected(Sorted());
    project_.collections = std::move(collections_.whole);
    std::ranges::sort(project_.pipelines, {}, &Pipeline::name);
    return std::move(project_);
  }

 private:
  std::vector<Problem> Sorted() {
    std::ranges::sort(problems_, {}, [](const Problem& problem) {
      return std::tie(problem.file, problem.line, problem.column, problem.message);
    });
    return std::move(problems_);
  }

  /// False where this is no project at all.
  bool ReadProject() {
    Report report(std::string(kProjectFile), problems_);
    std::error_code code;
    if (!fs::is_regular_file(project_.directory / kProjectFile, code)) {
      if (code == std::errc::permission_denied) {
        report.AddAt(0, 0,
                     fmt::format("cannot look into {}: {}", project_.directory.string(),
                                 code.message()));
        return false;
      }
      report.AddAt(
          0, 0,
          fmt::format("there is none in {}; `millrace init DIR` writes a new project",
                      project_.directory.string()));
      return false;
    }
    std::string content;
    if (const auto root = Parse(report, content))
      ReadProjectFile(*root, content, project_, report);
    return true;
  }

  std::optional<Node> Parse(Report& report, std::string& content) {
    auto text = ReadFile(project_.directory / report.file(), kMaxFileBytes);
    if (!text) {
      report.AddAt(0, 0, text.error().message());
      return std::nullopt;
    }
    content = *std::move(text);
    return ParseYaml(content, report);
  }

  /// "pipeline/" would be passed over in silence.
  void CheckFolderNames() {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(project_.directory, code)) {
      const auto name = entry.path().filename().string();
      if (!entry.is_directory(code) ||
          std::ranges::find(kFolders, name) != kFolders.end())
        continue;
      const auto hint = DidYouMean(ToLower(name), kFolders);
      if (!hint.empty())
        problems_.push_back({name, 0, 0, "this folder is not read" + hint});
    }
  }

  /// The .yaml files of a folder by name; anything else in it but hidden files and notes
  /// (.md) is a problem.
  std::vector<std::string> FilesOf(std::string_view folder) {
    std::vector<std::string> files;
    std::error_code code;
    const auto path = project_.directory / folder;
    if (!fs::exists(path, code)) return files;
    for (auto it = fs::directory_iterator(path, code);
         !code && it != fs::directory_iterator(); it.increment(code)) {
      const auto name = it->path().filename().string();
      const auto extension = it->path().extension();
      if (name.starts_with('.') || extension == ".md") continue;
      const auto file = fmt::format("{}/{}", folder, name);
      std::error_code ignored;
      if (extension == ".yaml" && it->is_regular_file(ignored))
        files.push_back(file);
      else
        problems_.push_back({file, 0, 0, "expected a file with a name like orders.yaml"});
    }
    if (code)
      problems_.push_back(
          {std::string(folder), 0, 0, SystemError("read", path, code.value()).message()});
    std::ranges::sort(files);
    return files;
  }

  void AddCollection(const std::string& file) {
    Report report(file, problems_);
    std::string content;
    const auto root = Parse(report, content);
    const auto read_it =
        project_.closed() && IsOfUsers(root) ? ReadUsers : ReadCollection;
    auto read = root ? read_it(*root, content, report) : std::nullopt;
    if (!read) {
      // Most likely its name: what refers to it is not wrong, too.
      collections_.broken.insert(fs::path(file).stem().string());
      return;
    }
    auto& [collection, access, name_at, whole] = *read;
    if (CheckNew("collection", collection.name, collection_files_, report, name_at)) {
      const auto name = collection.name;
      if (whole) {
        collections_.whole.emplace(name, std::move(collection));
        project_.access.emplace(name, std::move(access));
      } else {
        collections_.broken.insert(name);
      }
    }
  }

  static bool IsOfUsers(const std::optional<Node>& root) {
    return root && std::ranges::any_of(root->members, [](const auto& member) {
             return member.key.text == "collection" && member.value.text == "users";
           });
  }

  /// Unless a file has its own fields.
  void AddUsers() {
    if (collection_files_.contains("users") || collections_.broken.contains("users"))
      return;
    AddBuiltIn(Users());
    project_.access.emplace("users", RulesOfUsers());
  }

  void AddAudit() {
    collection_files_.emplace(ToLower(project_.audit),
                              "this program, which keeps the audit log there (audit: of "
                              "millrace.yaml)");
    collections_.streams.emplace(project_.audit,
                                 project_.streams.at(project_.audit).events);
  }

  void AddBuiltIn(schema::Collection collection) {
    collection_files_.emplace(collection.name,
                              "this program, which keeps its users there");
    collections_.whole.emplace(collection.name, std::move(collection));
  }

  void AddStream(const std::string& file) {
    Report report(file, problems_);
    std::string content;
    const auto root = Parse(report, content);
    auto read = root ? ReadStream(*root, content, report) : std::nullopt;
    if (!read) {
      collections_.broken_streams.insert(fs::path(file).stem().string());
      return;
    }
    auto& [stream, access, name_at, whole] = *read;
    const auto name = stream.events.name;
    // In the log both are streams.
    if (!CheckNew("collection or stream", name, collection_files_, report, name_at))
      return;
    if (!whole) {
      collections_.broken_streams.insert(name);
      return;
    }
    collections_.streams.emplace(name, stream.events);
    project_.streams.emplace(name, std::move(stream));
    project_.access.emplace(name, std::move(access));
  }

  void AddPipeline(const std::string& file) {
    Report report(file, problems_);
    std::string content;
    const auto root = Parse(report, content);
    if (!root) return;
    auto pipeline = ReadPipeline(*root, content, collections_, report);
    if (!pipeline) return;
    Node at;
    at.line = pipeline->place.line;
    at.column = pipeline->place.column;
    if (CheckNew("pipeline", pipeline->name, pipeline_files_, report, at))
      project_.pipelines.push_back(*std::move(pipeline));
  }

  /// Names are compared without case, since SQL does.
  static bool CheckNew(std::string_view what, const std::string& name,
                       std::map<std::string, std::string>& files, Report& report,
                       const Node& at) {
    const auto [first, is_new] = files.emplace(ToLower(name), report.file());
    if (!is_new)
      report.Add(at,
                 fmt::format("there is another {} {} in {}", what, name, first->second));
    return is_new;
  }

  Project project_;
  Collections collections_;
  std::map<std::string, std::string> collection_files_;  ///< by lower-case name
  std::map<std::string, std::string> pipeline_files_;
  std::vector<Problem> problems_;
};

}  // namespace

std::string Format(const Problem& problem) {
  if (problem.line == 0) return fmt::format("{}: {}", problem.file, problem.message);
  return fmt::format("{}:{}:{}: {}", problem.file, problem.line, problem.column,
                     problem.message);
}

std::map<std::string, schema::Collection, std::less<>> Readable(const Project& project) {
  auto readable = project.collections;
  for (const auto& [name, stream] : project.streams)
    readable.emplace(name, stream.events);
  return readable;
}

std::expected<Project, std::vector<Problem>> Load(const fs::path& directory) {
  return Loader(directory).Run();
}

config::GivenMap LoadSettingsOnly(const fs::path& directory) {
  return Loader(directory).Settings();
}

}  // namespace millrace::project
