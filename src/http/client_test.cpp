#include "http/client.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "test_server.hpp"

namespace millrace::http {
namespace {

/// A server that plays back one script per connection, in order.
class ScriptedServer {
 public:
  using Script = std::function<void(RawConnection&)>;

  explicit ScriptedServer(std::vector<Script> scripts)
      : listening_(*internal::ListenTcp("127.0.0.1", 0)),
        port_(internal::PortOf(listening_.get())),
        thread_([this, scripts = std::move(scripts)] {
          for (const auto& script : scripts) {
            ASSERT_TRUE(internal::WaitFor(listening_.get(), POLLIN, TestDeadline()));
            RawConnection connection(internal::OwnedFd(
                ::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK)));
            script(connection);
          }
        }) {}

  Client Connect(std::uint64_t body_limit = 1u << 20u) {
    return std::move(
        *Client::Connect({.port = port_, .body_limit = body_limit}, TestDeadline()));
  }

 private:
  internal::OwnedFd listening_;
  std::uint16_t port_;
  std::jthread thread_;
};

ScriptedServer::Script Answer(std::string answer) {
  return [answer = std::move(answer)](RawConnection& connection) {
    connection.ReadUntil("\r\n\r\n");
    connection.Send(answer);
  };
}

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(Client, ReadsEachFormOfAnAnswer) {
  struct Case {
    const char* name;
    std::string answer;
    int status;
    std::string body;
  };
  const Case kCases[] = {
      {"length", kOk, 200, "ok"},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200,
       "ok"},
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nok", 200, "ok"},
      {"no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"after 100",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"
       "Content-Length: 0\r\n\r\n",
       201, ""},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    ScriptedServer server({Answer(c.answer)});
    auto client = server.Connect();
    const auto answer = client.Send(Method::kGet, "/", "", {}, TestDeadline());
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_EQ(answer->status, c.status);
    EXPECT_EQ(answer->body, c.body);
  }
}

TEST(Client, ReportsAnswersThatAreNotWhole) {
  struct Case {
    const char* name;
    std::string answer;
    ErrorCode code;
  };
  const Case kCases[] = {
      {"nothing", "", ErrorCode::kDeadlineExceeded},
      {"half a header", "HTTP/1.1 200", ErrorCode::kDeadlineExceeded},
      {"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
       ErrorCode::kDeadlineExceeded},
      {"not HTTP", "SSH-2.0-x\r\n\r\n", ErrorCode::kInternal},
      {"too large", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
       ErrorCode::kTooLarge},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    ScriptedServer server({Answer(c.answer)});
    auto client = server.Connect(50);
    const auto answer = client.Send(Method::kPost, "/", "", {}, TestDeadline());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), c.code) << answer.error().ToString();
  }
}

TEST(Client, OpensAClosedConnectionAgain) {
  ScriptedServer server({Answer(kOk), Answer(kOk)});
  auto client = server.Connect();
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.Send(Method::kGet, "/", "", {}, TestDeadline());
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_EQ(answer->body, "ok");
  }
}

/// Answers one request, then reads another and closes without an answer.
void AnswerOneOfTwo(RawConnection& connection) {
  connection.ReadUntil("\r\n\r\n");
  connection.Send(kOk);
  connection.ReadUntil("\r\n\r\n");
}

TEST(Client, RepeatsWhatIsSafeToRepeatOnAFreshConnection) {
  const Client::Headers with_key = {{"Idempotency-Key", "k"}};
  for (const auto& headers : {Client::Headers{}, with_key}) {
    ScriptedServer server({AnswerOneOfTwo, Answer(kOk)});
    auto client = server.Connect();
    const auto method = headers.empty() ? Method::kPut : Method::kPost;
    for (int i = 0; i < 2; ++i) {
      const auto answer = client.Send(method, "/", "", headers, TestDeadline());
      ASSERT_TRUE(answer) << answer.error().ToString();
    }
  }
}

TEST(Client, DoesNotRepeatABarePost) {
  ScriptedServer server({AnswerOneOfTwo, Answer(kOk)});
  auto client = server.Connect();
  ASSERT_TRUE(client.Send(Method::kPost, "/", "", {}, TestDeadline()));
  EXPECT_EQ(client.Send(Method::kPost, "/", "", {}, TestDeadline()).error().code(),
            ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(client.Send(Method::kPost, "/", "", {}, TestDeadline()));
}

TEST(Client, RefusesToSendMalformedRequests) {
  ScriptedServer server({[](RawConnection& connection) { connection.ReadToEnd(); }});
  auto client = server.Connect();
  const auto code = [&](std::string_view target, const Client::Headers& headers) {
    return client.Send(Method::kGet, target, "", headers, TestDeadline()).error().code();
  };
  EXPECT_EQ(code("x", {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("/a b", {}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("/", {{"A", "b\r\nC: d"}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("/", {{"A B", "c"}}), ErrorCode::kInvalidArgument);
}

TEST(Client, ReportsThatNobodyListens) {
  std::uint16_t port = 0;
  {
    const auto listening = internal::ListenTcp("127.0.0.1", 0);
    port = internal::PortOf(listening->get());
  }
  EXPECT_EQ(Client::Connect({.port = port}, TestDeadline()).error().code(),
            ErrorCode::kUnavailable);
  EXPECT_EQ(
      Client::Connect({.unix_socket = "/nonexistent/s"}, TestDeadline()).error().code(),
      ErrorCode::kUnavailable);
}

TEST(Client, GivesUpAtItsDeadline) {
  ScriptedServer server({[](RawConnection& connection) { connection.ReadToEnd(); }});
  auto client = server.Connect();
  const auto answer = client.Send(Method::kGet, "/", "", {},
                                  Deadline::After(std::chrono::milliseconds(20)));
  EXPECT_EQ(answer.error().code(), ErrorCode::kDeadlineExceeded);
}

TEST_F(ServerTest, ClientSurvivesARestartOfTheServer) {
  Start();
  const auto port = server_->port();
  auto client = MakeClient();
  ASSERT_EQ(client.Send(Method::kGet, "/static", "", {}, TestDeadline())->body, "hello");
  server_.reset();
  EXPECT_EQ(client.Send(Method::kGet, "/static", "", {}, TestDeadline()).error().code(),
            ErrorCode::kUnavailable);
  ServerOptions again;
  again.listeners.push_back({.port = port, .router = MakeRouter()});
  Start(std::move(again));
  EXPECT_EQ(client.Send(Method::kGet, "/static", "", {}, TestDeadline())->body, "hello");
}

}  // namespace
}  // namespace millrace::http
