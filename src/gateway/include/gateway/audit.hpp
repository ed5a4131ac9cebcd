#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "query/principal.hpp"

namespace millrace::gateway {

/// What was done, as the audit log says it: NameOf has the words.
enum class AuditAction : std::uint8_t {
  kCreate,
  kUpdate,
  kReplace,
  kDelete,
  kAppend,
  kSignUp,
  kLogin,
  kLoginRefused,
  kRefresh,
  kRefreshReuse,
  kLogout,
  kPassword,
  kSessionEnded,
  kUserMade,
  kUserChanged,
  kUserRemoved,
  kKeyMade,
  kKeyRevoked,
  kKeysRotated,
  kMend,
  kRedrive,
  kDismiss,
  kReplay,
  kResnapshot,
  kRebuild,
  kBackup,
  kRefused,  ///< to read something; or what was folded, whatever it was
};
inline constexpr std::size_t kAuditActionCount = 27;
/// "create".
std::string_view NameOf(AuditAction action);

enum class AuditResult : std::uint8_t {
  kOk,
  kRefused,  ///< by a rule, a bad credential or a bad request: nothing was done
  kFailed,   ///< on our side; what was done of it is not said
};
inline constexpr std::size_t kAuditResultCount = 3;
std::string_view NameOf(AuditResult result);

/// Who did it. Empty texts: there is none.
struct AuditActor {
  std::string_view kind = "anonymous";  ///< user, key, service, operator
  std::string id, tenant, role;
};
AuditActor ActorOf(const query::Principal& who);
/// Who has this process's rights, on the command line.
AuditActor Operator();

/// One line of the audit log, without its time. Texts may be anything: they are cut and
/// made fit where they are stored. None of them is ever a secret.
struct AuditEvent {
  AuditAction action = AuditAction::kRefused;
  AuditResult result = AuditResult::kOk;
  AuditActor actor{};
  std::string request_id{};
  std::string resource{};     ///< "collections/orders", "streams/clicks", "users", …
  std::string resource_id{};  ///< key of the record, id of the session, …
  std::uint64_t count = 1;    ///< records, events, or refusals that were folded
  std::vector<std::string> keys{};  ///< of an array, at most kAuditKeys
  std::string account{};            ///< stands for an e-mail address that somebody tried
  std::string address{};            ///< of the client, as text
  std::string client{};  ///< who is counted as one when refusals are folded; not stored
  std::string route{};   ///< "POST /api/auth/login"; of a command its words
  int status = 0;        ///< of HTTP; 0 for operators' commands
  std::string code{};    ///< of the error
};
inline constexpr std::size_t kAuditKeys = 100;

enum class AuditWhen : std::uint8_t {
  kBeforeAnswer,  ///< `done` is called when the event is durable
  kSoon,          ///< at once; when it is durable where too many wait already
};

/// Keeps the events of an audit log. Any thread; nothing blocks.
class AuditSink {
 public:
  using Done = std::move_only_function<void(Status)>;
  virtual ~AuditSink() = default;
  /// kUnavailable: the log cannot be written now. What is to be recorded should not be
  /// begun then.
  virtual Status Ready() const = 0;
  /// Calls `done` exactly once, on any thread. On failure the event is not durable yet;
  /// it is tried again until it is, or until the process ends.
  virtual void Record(AuditEvent event, AuditWhen when, Done done) = 0;
};

}  // namespace millrace::gateway
