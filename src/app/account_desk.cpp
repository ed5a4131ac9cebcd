#include "account_desk.hpp"

#include <optional>
#include <utility>

#include "accounts.hpp"
#include "commands/command.hpp"
#include "data_directory.hpp"
#include "own_audit.hpp"
#include "project_loading.hpp"
#include "server_socket.hpp"
#include "stores.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kWaitForServer{5};

class ServerDesk final : public AccountDesk {
 public:
  explicit ServerDesk(ServerSocket server) : server_(std::move(server)) {}
  Result<std::string> Run(std::string_view action, const std::string& body) override {
    std::string target = kAccountsPath;
    AppendParameter(target, "action", action);
    return server_.Ask(http::Method::kPost, target, body);
  }

 private:
  ServerSocket server_;
};

class FileDesk final : public AccountDesk {
 public:
  explicit FileDesk(LoadedProject loaded) : loaded_(std::move(loaded)) {}

  Status Open(DataDirectory directory) {
    directory_.emplace(std::move(directory));
    const auto& paths = directory_->paths();
    MR_TRY(records_, OpenRecords(loaded_.project, loaded_.settings, paths, metrics_,
                                 *loaded_.logger));
    MR_TRY(accounts_, Accounts::Open(paths.root, {loaded_.project, loaded_.settings,
                                                  *records_, *loaded_.logger}));
    if (loaded_.project.audit.empty()) return {};
    MR_TRY(log_, OpenLog(loaded_.project, Unbounded(loaded_.settings), paths));
    audit_ =
        OwnAudit::Open(loaded_.project, {*log_, *records_}, metrics_, *loaded_.logger);
    accounts_->set_audit(&audit_->log());
    return {};
  }
  Result<std::string> Run(std::string_view action, const std::string& body) override {
    return accounts_->Administer(action, body);
  }

 private:
  const LoadedProject loaded_;
  telemetry::Registry metrics_;
  std::optional<DataDirectory> directory_;
  std::unique_ptr<records::EmbeddedRecords> records_;
  std::unique_ptr<eventlog::EmbeddedEventLog> log_;
  std::unique_ptr<OwnAudit> audit_;  ///< null: the project has none
  std::unique_ptr<Accounts> accounts_;
};

std::expected<std::unique_ptr<AccountDesk>, int> OpenFiles(
    const std::filesystem::path& data, std::optional<DataDirectory> directory,
    const std::filesystem::path& project) {
  auto loaded = LoadProject(project, {});
  if (!loaded) return std::unexpected(loaded.error());
  if (!loaded->project.closed())
    return std::unexpected(
        Report({ErrorCode::kInvalidArgument,
                "project " + loaded->project.name +
                    " has no users: leave `access` and `auth` out of millrace.yaml"}));
  if (!directory) {
    auto made = DataDirectory::Lock(data, true);
    if (!made) return std::unexpected(Report(made.error()));
    directory.emplace(std::move(*made));
  }
  auto desk = std::make_unique<FileDesk>(std::move(*loaded));
  if (const auto opened = desk->Open(std::move(*directory)); !opened)
    return std::unexpected(Report(opened.error()));
  return desk;
}

}  // namespace

std::expected<std::unique_ptr<AccountDesk>, int> AccountDesk::Open(
    const std::filesystem::path& data, const std::filesystem::path& project,
    bool create) {
  auto directory = DataDirectory::Lock(data, false);
  if (directory) return OpenFiles(data, std::move(*directory), project);
  if (create && directory.error().code() == ErrorCode::kNotFound)
    return OpenFiles(data, std::nullopt, project);
  if (directory.error().code() != ErrorCode::kFenced)
    return std::unexpected(Report(directory.error()));
  auto server = ServerSocket::Connect(data, Deadline::After(kWaitForServer));
  if (!server) return std::unexpected(Report(directory.error()));
  return std::make_unique<ServerDesk>(std::move(*server));
}

}  // namespace millrace::app
