#include "stream_appender.hpp"

#include <simdjson.h>

#include <future>
#include <utility>

#include "capture/event_parser.hpp"
#include "capture/stream_writer.hpp"
#include "data_directory.hpp"
#include "gateway/stream_routes.hpp"
#include "http/query.hpp"
#include "project/project.hpp"
#include "project_loading.hpp"
#include "server_socket.hpp"
#include "settings.hpp"
#include "stores.hpp"
#include "stream_writers.hpp"

namespace millrace::app {
namespace {

constexpr std::chrono::seconds kConnectWithin{2};
constexpr std::size_t kMaxEvents = 10'000;

std::string Reason(const Error& error) {
  std::string reason = error.message();
  for (const auto& field : error.fields()) {
    reason += "; " + field.pointer + " " + field.message;
  }
  return reason;
}

std::string TextOf(simdjson::dom::element object, const char* name) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

/// The members of an answer of POST …/events.
AppendOutcome OutcomeOf(const std::string& body) {
  AppendOutcome outcome;
  simdjson::dom::parser parser;
  simdjson::dom::element answer;
  if (parser.parse(body).get(answer) != simdjson::SUCCESS) return outcome;
  bool duplicate = false;
  if (answer["duplicate"].get(duplicate) == simdjson::SUCCESS) {
    (duplicate ? outcome.duplicates : outcome.accepted) = 1;
    return outcome;
  }
  static_cast<void>(answer["accepted"].get(outcome.accepted));
  static_cast<void>(answer["duplicates"].get(outcome.duplicates));
  simdjson::dom::array bad;
  if (answer["errors"].get(bad) != simdjson::SUCCESS) return outcome;
  for (const auto one : bad) {
    AppendOutcome::Refused refused{0, TextOf(one, "detail")};
    static_cast<void>(one["line"].get(refused.line));
    simdjson::dom::array fields;
    if (one["errors"].get(fields) == simdjson::SUCCESS) {
      for (const auto field : fields) {
        refused.reason += "; " + TextOf(field, "pointer") + " " + TextOf(field, "detail");
      }
    }
    outcome.refused.push_back(std::move(refused));
  }
  return outcome;
}

class ServerAppender final : public StreamAppender {
 public:
  ServerAppender(ServerSocket server, std::string path)
      : server_(std::move(server)), path_(std::move(path)) {}

  /// kNotFound with the server's word for it.
  Status Check() {
    MR_CHECK_OK(server_.Ask(http::Method::kGet, path_));
    return {};
  }

  Result<AppendOutcome> Append(const std::string& bytes, bool lines,
                               const std::string& event_id) override {
    std::string target = path_ + "/events";
    AppendParameter(target, lines ? "event_id_prefix" : "event_id", event_id);
    const http::Client::Headers headers{
        {"Content-Type", lines ? "application/x-ndjson" : "application/octet-stream"}};
    MR_TRY(const auto response,
           server_.Send(http::Method::kPost, target, bytes, headers));
    auto outcome = OutcomeOf(response.body);
    if (response.status < 300 || !outcome.refused.empty()) return outcome;
    return Fail(ServerSocket::ErrorOf(response));
  }

 private:
  ServerSocket server_;
  const std::string path_;
};

/// Into the log of a directory that no process holds.
class FileAppender final : public StreamAppender {
 public:
  static Result<std::unique_ptr<StreamAppender>> Open(
      const std::filesystem::path& data, const std::filesystem::path& directory,
      const std::string& stream, telemetry::Logger& logger) {
    auto project = project::Load(directory);
    if (!project) return Fail(ErrorOf(project.error()));
    const auto found = project->streams.find(stream);
    if (found == project->streams.end()) {
      return Fail(ErrorCode::kNotFound, "no stream \"" + stream + "\" in the project");
    }
    if (found->second.built_in) return Fail(gateway::WrittenHereAlone(stream));
    auto settings = LoadSettings(project->settings, directory, {});
    if (!settings) return Fail(ErrorCode::kInvalidArgument, settings.error().front());
    auto appender = std::make_unique<FileAppender>(found->second);
    MR_TRY(auto lock, DataDirectory::Lock(data, false));
    MR_TRY(appender->stores_, Stores::Open(*project, Unbounded(*settings),
                                           std::move(lock), appender->metrics_, logger));
    auto& stores = *appender->stores_;
    appender->writer_ =
        MakeStreamWriter(found->second, appender->codec_, {*stores.log, *stores.records},
                         appender->metrics_);
    return appender;
  }
  explicit FileAppender(const project::Stream& stream)
      : raw_(stream.raw), codec_(stream.events) {}

  Result<AppendOutcome> Append(const std::string& bytes, bool lines,
                               const std::string& event_id) override {
    using capture::EventForm;
    const EventForm json = lines ? EventForm::kJsonLines : EventForm::kJson;
    const EventForm raw = lines ? EventForm::kRawLines : EventForm::kRaw;
    const std::string padded = bytes + std::string(schema::kJsonPadding, '\0');
    MR_TRY(auto parsed,
           capture::ParseEvents(codec_, raw_ ? raw : json,
                                std::string_view(padded).substr(0, bytes.size()),
                                event_id, kMaxEvents));
    AppendOutcome outcome;
    for (const auto& bad : parsed.bad) {
      outcome.refused.push_back({bad.line, Reason(bad.error)});
    }
    if (parsed.events.empty()) return outcome;
    using Accepted = Result<capture::AcceptedEvents>;
    std::promise<Accepted> promise;
    writer_->Submit({std::move(parsed.events), [&promise](Accepted accepted) {
                       promise.set_value(std::move(accepted));
                     }});
    MR_TRY(const auto accepted, promise.get_future().get());
    outcome.duplicates = accepted.duplicates();
    outcome.accepted = accepted.size() - accepted.duplicates();
    return outcome;
  }

 private:
  const bool raw_;
  const schema::RecordCodec codec_;
  telemetry::Registry metrics_;
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<capture::StreamWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<StreamAppender>> StreamAppender::Open(
    const std::filesystem::path& data, const std::filesystem::path& project,
    const std::string& stream, telemetry::Logger& logger) {
  auto server = ServerSocket::Connect(data, Deadline::After(kConnectWithin));
  if (!server) return FileAppender::Open(data, project, stream, logger);
  std::string path = "/api/streams/";
  http::AppendPercentEncoded(path, stream);
  auto appender = std::make_unique<ServerAppender>(std::move(*server), std::move(path));
  MR_CHECK_OK(appender->Check());
  return appender;
}

}  // namespace millrace::app
