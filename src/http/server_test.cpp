#include "http/server.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "http/gzip.hpp"
#include "test_server.hpp"

namespace millrace::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

TEST_F(ServerTest, AnswersWithTheHeadersEveryAnswerHas) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/static"));
  EXPECT_THAT(connection.ReadUntil("hello"),
              MatchesRegex("HTTP/1.1 200 OK\r\n"
                           "Date: [A-Z][a-z][a-z], [0-9: A-Za-z]* GMT\r\n"
                           "Content-Type: text/plain\r\nContent-Length: 5\r\n"
                           "X-Request-Id: [0-9a-f]{16}\r\n\r\nhello"));
}

constexpr const char* kTraceparent =
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_F(ServerTest, LongAnswersArePackedWhereThatIsAskedAndSwitchedOn) {
  const std::string text(100'000, 'x');
  for (const bool on : {true, false}) {
    ServerOptions options;
    options.listeners.push_back({.router = MakeRouter()});
    options.gzip = on;
    Start(std::move(options));
    auto client = MakeClient();
    const auto packed = *client.Send(Method::kPost, "/echo", text,
                                     {{"Accept-Encoding", "gzip"}}, TestDeadline());
    EXPECT_EQ(packed.Header("content-encoding"), on ? "gzip" : "");
    EXPECT_EQ(on ? Gunzip(packed.body, 1u << 20u).value() : packed.body, text);
    const auto plain = *client.Send(Method::kPost, "/echo", text, {}, TestDeadline());
    EXPECT_EQ(plain.Header("content-encoding"), "");
    EXPECT_EQ(plain.Header("vary"), on ? "Accept-Encoding" : "");
    EXPECT_EQ(plain.body, text);
  }
}

TEST_F(ServerTest, ATraceComesBackWithTheAnswerAndInProblems) {
  Start();
  auto client = MakeClient();
  const auto ask = [&](std::string_view path, const Client::Headers& headers) {
    return *client.Send(Method::kGet, path, "", headers, TestDeadline());
  };
  EXPECT_EQ(ask("/static", {{"traceparent", kTraceparent}}).Header("traceparent"),
            kTraceparent);
  const auto problem = ask("/nowhere", {{"traceparent", kTraceparent}});
  EXPECT_THAT(problem.body,
              EndsWith(R"(","trace_id":"0af7651916cd43dd8448eb211c80319c"})"));
  EXPECT_EQ(ask("/static", {{"traceparent", "00-x"}}).Header("traceparent"), "");
  EXPECT_THAT(ask("/nowhere", {}).body, Not(HasSubstr("trace_id")));
}

/// Adds a header to every answer, and answers what asks for it.
class SomeGate final : public Gate {
 public:
  std::optional<Response> Look(const Request& request, std::string_view route,
                               std::string& headers) override {
    headers += "X-Route: " + std::string(route) + "\r\n";
    if (request.Header("x-stop").empty()) return std::nullopt;
    return Response{.status = 429, .body = "{}"};
  }
};

TEST_F(ServerTest, AGateSeesEveryRequestFirst) {
  Router router = MakeRouter();
  router.SetGate(std::make_shared<SomeGate>());
  Start(std::move(router));
  auto client = MakeClient();
  const auto ask = [&](Method method, std::string_view path,
                       const Client::Headers& headers) {
    return *client.Send(method, path, "", headers, TestDeadline());
  };
  const auto passed = ask(Method::kGet, "/static", {});
  EXPECT_EQ(passed.status, 200);
  EXPECT_EQ(passed.Header("x-route"), "/static");
  const auto stopped = ask(Method::kGet, "/static", {{"X-Stop", "1"}});
  EXPECT_EQ(stopped.status, 429);
  EXPECT_EQ(stopped.Header("x-route"), "/static");
  const auto unknown = ask(Method::kGet, "/nowhere", {});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.Header("x-route"), "");
  EXPECT_EQ(ask(Method::kOptions, "/static", {{"X-Stop", "1"}}).status, 429);
  EXPECT_EQ(ask(Method::kGet, "/static", {}).status, 200);
}

TEST_F(ServerTest, KeepsAWellFormedRequestIdAndReplacesAnother) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/static", "X-Request-ID: trace-1\r\n"));
  EXPECT_THAT(connection.ReadUntil("hello"), HasSubstr("X-Request-Id: trace-1\r\n"));
  connection.Send(Get("/static", "X-Request-ID: a b\"\r\n"));
  EXPECT_THAT(connection.ReadUntil("hello"), Not(HasSubstr("a b")));
}

TEST_F(ServerTest, AnswersTenThousandPipelinedRequestsInOrder) {
  Start(ServerLimits{.output_bytes = 64u << 10u});
  constexpr int kCount = 10'000;
  auto connection = Connect();
  std::jthread sender([&connection] {
    std::string bytes;
    for (int i = 0; i < kCount; ++i) {
      bytes += Get("/static", "X-Request-Id: r" + std::to_string(i) + "\r\n");
    }
    connection.Send(bytes);
  });
  const auto answers = connection.ReadUntil("\r\n\r\nhello", kCount);
  std::size_t at = 0;
  for (int i = 0; i < kCount; ++i) {
    at = answers.find("X-Request-Id: r" + std::to_string(i) + "\r\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(Metric("http_requests_total{route=\"/static\",method=\"GET\",status_class="
                   "\"2xx\"}"),
            std::to_string(kCount));
  EXPECT_EQ(Metric("http_request_seconds_count{route=\"/static\",method=\"GET\"}"),
            std::to_string(kCount));
}

TEST_F(ServerTest, KeepsTheOrderOfPipelinedAnswersAcrossAnOutstandingOne) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/static") + Get("/held/a") + Get("/static") + Get("/held/b") +
                  "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast");
  EXPECT_THAT(connection.ReadUntil("hello"), StartsWith("HTTP/1.1 200"));
  auto first = held_.Take(1);
  ASSERT_EQ(first[0].first, "a");
  first[0].second.Send(TextResponse("answer a"));
  EXPECT_THAT(connection.ReadUntil("hello"), HasSubstr("answer aHTTP/1.1 200"));
  auto second = held_.Take(1);
  ASSERT_EQ(second[0].first, "b");
  second[0].second.Send(TextResponse("answer b"));
  EXPECT_THAT(connection.ReadUntil("last"), HasSubstr("answer bHTTP/1.1 200"));
}

TEST_F(ServerTest, TakesAnswersOfManyConnectionsFromOtherThreads) {
  Start();
  constexpr std::size_t kConnections = 64;
  std::vector<RawConnection> connections;
  for (std::size_t i = 0; i < kConnections; ++i) {
    connections.push_back(Connect());
    connections.back().Send(Get("/held/" + std::to_string(i)));
  }
  auto held = held_.Take(kConnections);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&held, t] {
        for (std::size_t i = t; i < held.size(); i += 4) {
          held[i].second.Send(TextResponse("<" + held[i].first + ">"));
        }
      });
    }
  }
  for (std::size_t i = 0; i < kConnections; ++i) {
    EXPECT_THAT(connections[i].ReadUntil(">"), EndsWith("<" + std::to_string(i) + ">"));
  }
}

TEST_F(ServerTest, AnswersADroppedRequestWith500) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/held/a"));
  held_.Take(1).clear();
  EXPECT_THAT(connection.ReadUntil("}"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(ServerTest, DropsAnAnswerForAConnectionThatIsGone) {
  Start();
  {
    auto connection = Connect();
    connection.Send(Get("/held/a"));
    auto held = held_.Take(1);
    connection = Connect();
    held[0].second.Send(TextResponse("for nobody"));
  }
  auto next = Connect();
  next.Send(Get("/static"));
  next.ReadUntil("hello");
}

TEST_F(ServerTest, LetsARespondersOutliveTheServer) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/held/a"));
  auto held = held_.Take(1);
  server_.reset();
  held[0].second.Send(TextResponse("too late"));
  EXPECT_EQ(connection.ReadToEnd(), "");
}

TEST_F(ServerTest, AnswersUnknownPathsAndMethodsAsProblems) {
  Start();
  auto client = MakeClient();
  const auto missing = client.Send(Method::kGet, "/none", "", {}, TestDeadline());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->Header("content-type"), "application/problem+json");
  EXPECT_THAT(missing->body, HasSubstr("\"instance\":\"/none\""));
  EXPECT_THAT(missing->body,
              HasSubstr("\"request_id\":\"" +
                        std::string(missing->Header("x-request-id")) + "\""));
  const auto method = client.Send(Method::kPut, "/static", "", {}, TestDeadline());
  EXPECT_EQ(method->status, 405);
  EXPECT_EQ(method->Header("allow"), "GET, HEAD, OPTIONS");
  const auto options = client.Send(Method::kOptions, "/static", "", {}, TestDeadline());
  EXPECT_EQ(options->status, 204);
  EXPECT_EQ(options->Header("allow"), "GET, HEAD, OPTIONS");
  const auto head = client.Send(Method::kHead, "/static", "", {}, TestDeadline());
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->Header("content-length"), "5");
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(client.Send(Method::kGet, "/%zz", "", {}, TestDeadline())->status, 400);
}

TEST_F(ServerTest, WritesWhatItRefusesInTheRoutersForm) {
  auto router = MakeRouter();
  router.SetRefusalWriter([](const Refused& refused) {
    return TextResponse(std::string(ToString(refused.method)) + ' ' +
                            std::string(refused.path) + '?' + std::string(refused.query) +
                            ' ' + std::string(refused.code),
                        refused.status);
  });
  Start(std::move(router));
  auto client = MakeClient();
  const auto missing = client.Send(Method::kGet, "/none?a=1", "", {}, TestDeadline());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "GET /none?a=1 not_found");
  const auto method = client.Send(Method::kPut, "/static", "", {}, TestDeadline());
  EXPECT_EQ(method->body, "PUT /static? method_not_allowed");
  EXPECT_EQ(method->Header("allow"), "GET, HEAD, OPTIONS");
  auto connection = Connect();
  connection.Send("nonsense\r\n\r\n");
  EXPECT_THAT(connection.ReadToEnd(), HasSubstr("\r\n\r\nOTHER ? "));
}

TEST_F(ServerTest, TellsHandlersWhoIsConnected) {
  Router router;
  router.Add(Method::kGet, "/peer", [](const Request& request, Responder responder) {
    responder.Send(TextResponse(std::string(request.peer)));
  });
  Start(std::move(router));
  EXPECT_EQ(MakeClient().Send(Method::kGet, "/peer", "", {}, TestDeadline())->body,
            "127.0.0.1");
}

TEST_F(ServerTest, EndsAnExceptionOfAHandlerAtItsRequest) {
  Router router;
  router.Add(Method::kGet, "/throw", [](const Request&, Responder) {
    throw std::runtime_error("a test throws this");
  });
  Start(std::move(router));
  auto client = MakeClient();
  EXPECT_EQ(client.Send(Method::kGet, "/throw", "", {}, TestDeadline())->status, 500);
  EXPECT_EQ(client.Send(Method::kGet, "/none", "", {}, TestDeadline())->status, 404);
}

TEST_F(ServerTest, DoesNotLetAHeaderValueStartAnotherHeader) {
  Router router;
  router.Add(Method::kGet, "/x", [](const Request&, Responder responder) {
    responder.Send({.status = 204, .headers = {{"Location", "a\r\nSet-Cookie: b"}}});
  });
  Start(std::move(router));
  auto connection = Connect();
  connection.Send(Get("/x"));
  const auto answer = connection.ReadUntil("\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Location: a  Set-Cookie: b\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
}

TEST_F(ServerTest, ServesHttp10AndClosesWhenAsked) {
  Start();
  auto old = Connect();
  old.Send("GET /static HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.ReadToEnd(), HasSubstr("Connection: close\r\n\r\nhello"));
  auto kept = Connect();
  kept.Send("GET /static HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(kept.ReadUntil("hello"), HasSubstr("Connection: keep-alive\r\n"));
  kept.Send(Get("/static", "Connection: close\r\n") + Get("/static"));
  EXPECT_THAT(kept.ReadToEnd(), EndsWith("Connection: close\r\n\r\nhello"));
}

TEST_F(ServerTest, AnswersAClientThatHasFinishedSending) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/static") + Get("/held/a"));
  connection.FinishSending();
  held_.Take(1)[0].second.Send(TextResponse("later"));
  EXPECT_THAT(connection.ReadToEnd(), EndsWith("later"));
}

TEST_F(ServerTest, AnswersAMalformedRequestAfterThoseBeforeItAndCloses) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/static") + "GET /static HTTP/1.1\r\nHost : a\r\n\r\n" +
                  Get("/static"));
  const auto answers = connection.ReadToEnd();
  EXPECT_THAT(answers, HasSubstr("helloHTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answers, HasSubstr("Connection: close"));
  EXPECT_EQ(answers.find("hello", answers.find("HTTP/1.1 400")), std::string::npos);
  EXPECT_EQ(Metric("http_requests_total{route=\"malformed\",method=\"any\","
                   "status_class=\"4xx\"}"),
            "1");
}

TEST_F(ServerTest, DrainFinishesWhatIsOutstandingAndClosesTheRest) {
  Start();
  auto idle = Connect();
  idle.Send(Get("/static"));
  idle.ReadUntil("hello");
  auto busy = Connect();
  busy.Send(Get("/held/a"));
  auto held = held_.Take(1);
  EXPECT_FALSE(server_->Drain(Deadline::After(std::chrono::milliseconds(1))));
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_FALSE(internal::ConnectTcp("127.0.0.1", server_->port(), TestDeadline()));
  held[0].second.Send(TextResponse("done"));
  EXPECT_TRUE(server_->Drain(TestDeadline()));
  EXPECT_THAT(busy.ReadToEnd(), HasSubstr("Connection: close\r\n\r\ndone"));
}

TEST_F(ServerTest, StopAcceptingLeavesConnectionsAlone) {
  Start();
  auto connection = Connect();
  connection.Send(Get("/static"));
  connection.ReadUntil("hello");
  server_->StopAccepting();
  server_->StopAccepting();
  connection.Send(Get("/static"));
  connection.ReadUntil("hello");
}

TEST_F(ServerTest, ReportsAnAddressInUseAndABadOne) {
  Start();
  ServerOptions taken;
  taken.listeners.push_back({.port = server_->port(), .router = MakeRouter()});
  EXPECT_EQ(Server::Start(std::move(taken), registry_, log_).error().code(),
            ErrorCode::kConflict);
  ServerOptions bad;
  bad.listeners.push_back({.address = "nowhere.invalid", .router = MakeRouter()});
  EXPECT_EQ(Server::Start(std::move(bad), registry_, log_).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(ServerTest, ListensAtAUnixSocketWithRoutesOfItsOwn) {
  const auto directory =
      std::filesystem::path(testing::TempDir()) /
      ("mr_http_" + std::to_string(::getpid()) + std::string(200, 'd'));
  std::filesystem::create_directories(directory);
  const auto path = directory / "admin.sock";
  for (int round = 0; round < 2; ++round) {  // the second one finds nothing in its way
    Router admin;
    admin.Add(Method::kGet, "/admin", [](const Request&, Responder responder) {
      responder.Send(TextResponse("only here"));
    });
    ServerOptions options;
    options.listeners.push_back({.router = MakeRouter()});
    options.listeners.push_back({.unix_socket = path, .router = std::move(admin)});
    Start(std::move(options));
    EXPECT_EQ(server_->port(1), 0);
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    auto client = Client::Connect({.unix_socket = path}, TestDeadline());
    ASSERT_TRUE(client) << client.error().ToString();
    EXPECT_EQ(client->Send(Method::kGet, "/admin", "", {}, TestDeadline())->body,
              "only here");
    EXPECT_EQ(client->Send(Method::kGet, "/static", "", {}, TestDeadline())->status, 404);
    auto tcp = MakeClient();
    EXPECT_EQ(tcp.Send(Method::kGet, "/admin", "", {}, TestDeadline())->status, 404);
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace millrace::http
