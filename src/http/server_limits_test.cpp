#include <gmock/gmock.h>

#include <cstdio>
#include <thread>

#include "http/server.hpp"
#include "test_server.hpp"

namespace millrace::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST_F(ServerTest, SendsContinueToAClientThatWaitsForIt) {
  Start();
  auto connection = Connect();
  connection.Send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
      "4\r\n\r\n");
  EXPECT_EQ(connection.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.Send("body");
  EXPECT_THAT(connection.ReadUntil("body"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, RefusesABodyOverTheLimitBeforeItIsSentWhole) {
  Start();
  const std::string body(4u << 20u, 'x');
  struct Case {
    const char* name;
    std::string bytes;
  };
  const Case kCases[] = {
      {"by its length",
       "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n" + body},
      {"by its chunk",
       "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
       "400000\r\n" +
           body + "\r\n0\r\n\r\n"},
      {"while the client waits",
       "POST /small HTTP/1.1\r\nHost: a\r\n"
       "Expect: 100-continue\r\nContent-Length: 11\r\n\r\n"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    auto connection = Connect();
    connection.Send(c.bytes);
    connection.FinishSending();
    const auto answer = connection.ReadToEnd();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(answer, HasSubstr("\"status\":413"));
  }
}

TEST_F(ServerTest, TakesLargeBodiesInBothForms) {
  Start();
  std::string body;
  for (int i = 0; body.size() < 900'000; ++i) body += std::to_string(i) + ",";
  auto client = MakeClient();
  EXPECT_EQ(client.Send(Method::kPost, "/echo", body, {}, TestDeadline())->body, body);
  auto connection = Connect();
  std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 1000) {
    const auto piece = body.substr(at, 1000);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked += size + piece + "\r\n";
  }
  connection.Send(chunked + "0\r\n\r\n" + Get("/static"));
  EXPECT_THAT(connection.ReadUntil("hello"),
              HasSubstr("\r\n\r\n" + body + "HTTP/1.1 200"));
}

TEST_F(ServerTest, CutsAClientThatDripsItsHeader) {
  Start(ServerLimits{.header_timeout = std::chrono::milliseconds(200)});
  auto connection = Connect();
  std::jthread drip([&connection](const std::stop_token& stop) {
    connection.Send("GET /static HTTP/1.1\r\nHost: a\r\n");
    while (!stop.stop_requested()) {
      connection.Send("X: y\r\n");
      std::this_thread::yield();
    }
  });
  // 431 if the drip was quick enough to fill the header limit before the deadline.
  EXPECT_THAT(connection.ReadToEnd(), MatchesRegex("HTTP/1.1 4(08|31) .*"));
}

TEST_F(ServerTest, CutsConnectionsThatStall) {
  const std::chrono::milliseconds brief(100);
  Start(ServerLimits{
      .header_timeout = brief, .body_timeout = brief, .idle_timeout = brief});
  auto silent = Connect();
  auto header = Connect();
  header.Send("GET /sta");
  auto body = Connect();
  body.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
  auto idle = Connect();
  idle.Send(Get("/static"));
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_THAT(header.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(body.ReadToEnd(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(idle.ReadToEnd(), EndsWith("hello"));
}

TEST_F(ServerTest, StopsReadingFromAClientThatDoesNotRead) {
  Start(ServerLimits{.output_bytes = 1u << 16u,
                     .write_timeout = std::chrono::milliseconds(100)});
  auto connection = Connect();
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" +
      std::string(500'000, 'x');
  std::string bytes;
  for (int i = 0; i < 40; ++i) bytes += request;
  connection.Send(bytes);  // ends when the server has closed
  connection.ReadToEnd();
  EXPECT_TRUE(server_->Drain(TestDeadline()));  // the server has seen to it too
  EXPECT_EQ(Metric("http_connections"), "0");
}

TEST_F(ServerTest, AcceptsMoreOnceAConnectionIsFree) {
  Start(ServerLimits{.connections = 2});
  std::vector<RawConnection> connections;
  for (int i = 0; i < 5; ++i) {
    connections.push_back(Connect());
    connections.back().Send(Get("/static", "Connection: close\r\n"));
  }
  for (auto& connection : connections) {
    EXPECT_THAT(connection.ReadToEnd(), EndsWith("hello"));
    connection = Connect();
  }
}

}  // namespace
}  // namespace millrace::http
