#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "connection.hpp"
#include "http/message.hpp"
#include "request_reader.hpp"
#include "response_writer.hpp"

namespace millrace::http::internal {

class Loop;

/// One connection. Handles every complete request that was read, writes all their answers
/// at once, and reads on only then; while an answer is outstanding it does not read.
/// Server's thread only. Owned by the loop's table and by its pending operations: an
/// operation may end after the loop has let go of the session.
class Session : public Connection, public std::enable_shared_from_this<Session> {
 public:
  Session(Socket socket, const RouteTable& routes, Loop& loop, std::uint32_t slot);

  void Start() override;
  void Deliver(std::uint64_t serial, Content&& content) override;
  /// Closes it if it is between requests; otherwise it closes after the present one.
  void Drain() override;
  void Close() override;
  void OnTimeout() override;

 private:
  void Advance();
  bool HandleNext();
  void Dispatch();
  std::optional<Response> AskGate(const Request& request, const Route* route);
  void Invoke(const Request& request);
  void AnswerWithoutRoute(const Request& request);
  void AnswerRefusal(const Refusal& refusal);
  void Answer(const Response& response);
  void AnswerWithStream(OpenStream&& open);
  void BecomeStream();

  void WriteOrRead();
  void StartWrite();
  void OnWritten(const boost::system::error_code& failed, std::size_t bytes);
  void StartRead();
  void OnRead(const boost::system::error_code& failed, std::size_t bytes);
  void StartLinger();
  void Discard();

  bool BetweenRequests() const;
  void SetReadDeadline();
  void SetDeadline(Steady::time_point at);
  void LeaveActive();

  Socket socket_;
  const RouteTable& routes_;
  Loop& loop_;
  std::string peer_;
  RequestReader reader_;

  /// What the answer to the present request needs once the request's views are gone.
  struct Outstanding {
    std::uint64_t serial = 0;
    std::string request_id;
    std::string traceparent;
    std::string headers;  ///< of the gate
    const RouteMetrics* metrics = nullptr;
    Steady::time_point since;
    bool head = false;
    bool keep_alive = true;
    bool http11 = true;
  };
  Outstanding request_;
  bool outstanding_ = false;
  std::shared_ptr<Stream> opening_;  ///< takes over once all before it is written

  std::string out_;      ///< answers to be written next
  std::string writing_;  ///< answers being written
  std::size_t written_ = 0;

  bool reading_ = false;
  bool advancing_ = false;
  bool closing_ = false;    ///< no further request; close once all is written
  bool lingering_ = false;  ///< all is written: waiting for the client to close
  bool closed_ = false;
  bool active_ = true;
  bool served_ = false;  ///< had a request
  Steady::time_point now_;
  RequestReader::Stage stage_ = RequestReader::Stage::kIdle;
  Steady::time_point stage_since_;
};

}  // namespace millrace::http::internal
