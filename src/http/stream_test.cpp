#include "http/stream.hpp"

#include <thread>

#include "http/problem.hpp"
#include "http/websocket.hpp"
#include "test_server.hpp"

namespace millrace::http {
namespace {

SharedBytes Bytes(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

/// Something that another thread says once.
class Signal {
 public:
  void Give() {
    const std::scoped_lock lock(mutex_);
    ++count_;
    given_.notify_all();
  }
  [[nodiscard]] bool Wait(int count = 1) {
    std::unique_lock lock(mutex_);
    return given_.wait_until(lock, TestDeadline().at(), [&] { return count_ >= count; });
  }
  int count() {
    const std::scoped_lock lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_;
  int count_ = 0;
};

/// GET /held/{name} waits; the test opens a stream for it.
class StreamTest : public ServerTest {
 protected:
  /// Before what its callbacks use.
  ~StreamTest() override { server_.reset(); }

  std::shared_ptr<Stream> OpenHeld(StreamOptions options = {}) {
    auto held = held_.Take(1);
    options.on_closed = [this] { closed_.Give(); };
    options.on_drained = [this] { drained_.Give(); };
    Response head;
    head.content_type = "text/event-stream";
    return held.front().second.Open(std::move(head), std::move(options));
  }
  /// GET /socket is upgraded.
  Router SocketRouter() {
    auto router = MakeRouter();
    router.Add(Method::kGet, "/socket", [this](const Request& request, Responder answer) {
      auto head = AcceptWebSocket(request);
      if (!head) return answer.Send(Problem(head.error(), request.path, ""));
      const std::scoped_lock lock(mutex_);
      stream_ = answer.Open(std::move(*head),
                            {.websocket = true, .on_closed = [this] { closed_.Give(); }});
      opened_.Give();
    });
    return router;
  }
  static constexpr std::string_view kHandshake =
      "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

  Signal closed_, drained_, opened_;
  std::mutex mutex_;
  std::shared_ptr<Stream> stream_;
};

TEST_F(StreamTest, SendsPiecesAsTheyComeAndEndsWithTheConnection) {
  Start();
  auto client = Connect();
  client.Send(Get("/static") + Get("/held/a"));
  const auto stream = OpenHeld();
  EXPECT_TRUE(stream->Send(Bytes("one\n")));
  EXPECT_NE(client.ReadUntil("hello").find("Content-Length: 5"), std::string::npos);
  const auto head = client.ReadUntil("\r\n\r\n");
  EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_NE(head.find("Connection: close"), std::string::npos);
  EXPECT_EQ(client.ReadUntil("\n"), "one\n");
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(stream->Send(Bytes("x")));
    stream->Close();
  });
  EXPECT_EQ(client.ReadToEnd(), std::string(1000, 'x'));
  other.join();
  EXPECT_TRUE(closed_.Wait());
  EXPECT_FALSE(stream->Send(Bytes("y")));
}

TEST_F(StreamTest, TellsWhenTheClientGoes) {
  Start();
  std::shared_ptr<Stream> stream;
  {
    auto client = Connect();
    client.Send(Get("/held/a"));
    stream = OpenHeld();
    client.ReadUntil("\r\n\r\n");
  }
  EXPECT_TRUE(closed_.Wait());
  EXPECT_FALSE(stream->Send(Bytes("x")));
}

TEST_F(StreamTest, TellsWhenTheClientWentBeforeTheHead) {
  Start();
  {
    auto client = Connect();
    client.Send(Get("/static") + Get("/held/a"));
    client.ReadUntil("hello");
  }
  OpenHeld()->Send(Bytes("x"));
  EXPECT_TRUE(closed_.Wait());
}

TEST_F(StreamTest, RefusesWhatASlowClientDoesNotTake) {
  Start();
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld({.buffer = 1000});
  std::string sent;
  for (int i = 0;; ++i) {
    const auto number = std::to_string(i) + " ";
    const auto piece = Bytes(i % 100 == 0 ? std::string(100'000, 'x') + number : number);
    if (!stream->Send(piece)) break;
    sent += *piece;
  }
  EXPECT_GE(stream->unsent(), 1000u);
  EXPECT_LE(stream->unsent(), 1000u + 100'010u);  // one goes beyond the buffer
  client.ReadUntil("\r\n\r\n");
  stream->Close();
  EXPECT_TRUE(client.ReadToEnd() == sent);
}

TEST_F(StreamTest, TellsWhenThereIsRoomAgain) {
  Start();
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld();
  client.ReadUntil("\r\n\r\n");
  ASSERT_TRUE(drained_.Wait(1));
  EXPECT_TRUE(stream->Send(Bytes("x")));
  EXPECT_TRUE(drained_.Wait(2));
  EXPECT_EQ(stream->unsent(), 0u);
}

TEST_F(StreamTest, CutsAtOnce) {
  Start();
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld();
  client.ReadUntil("\r\n\r\n");
  stream->Cut();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(closed_.Wait());
}

TEST_F(StreamTest, CutsAClientThatTakesNothing) {
  Start();
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld({.buffer = 1u << 26u});
  while (stream->Send(Bytes(std::string(1u << 20u, 'x')))) {
  }
  stream->Cut();
  EXPECT_TRUE(closed_.Wait());
}

TEST_F(StreamTest, ShowsThatItLives) {
  Start();
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld({.heartbeat = std::chrono::milliseconds(1),
                                .heartbeat_bytes = [] { return Bytes(":\n\n"); }});
  client.ReadUntil(":\n\n", 3);
}

TEST_F(StreamTest, IsNotClosedByTheTimeoutsOfRequests) {
  Start({.idle_timeout = std::chrono::milliseconds(1)});
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld({.heartbeat = std::chrono::milliseconds(300),
                                .heartbeat_bytes = [] { return Bytes(":\n"); }});
  client.ReadUntil(":\n", 2);
  EXPECT_TRUE(stream->Send(Bytes("still\n")));
  client.ReadUntil("still\n");
}

TEST_F(StreamTest, DrainEndsStreamsAndDoesNotWaitForThem) {
  Start();
  auto client = Connect();
  client.Send(Get("/held/a"));
  const auto stream = OpenHeld();
  EXPECT_TRUE(stream->Send(Bytes("last")));
  EXPECT_TRUE(server_->Drain(TestDeadline()));
  client.ReadUntil("\r\n\r\n");
  EXPECT_EQ(client.ReadToEnd(), "last");
  EXPECT_TRUE(closed_.Wait());
}

TEST_F(StreamTest, UpgradesToAWebSocket) {
  Start(SocketRouter());
  auto client = Connect();
  client.Send(Get("/socket", kHandshake));
  const auto head = client.ReadUntil("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  // The example of RFC 6455, 1.3.
  EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            std::string::npos);
  ASSERT_TRUE(opened_.Wait());
  std::string frame;
  AppendWebSocketText(frame, "hello");
  EXPECT_TRUE(stream_->Send(Bytes(frame)));
  EXPECT_EQ(client.ReadUntil("hello"), "\x81\x05hello");
  // A ping in two parts, with a mask of zeros.
  client.Send(std::string("\x89\x82\0\0", 4));
  client.Send(std::string("\0\0hi", 4));
  EXPECT_EQ(client.ReadUntil("hi"), "\x8a\x02hi");
  client.Send(std::string("\x88\x82\0\0\0\0\x03\xe8", 8));
  EXPECT_EQ(client.ReadToEnd(), "\x88\x02\x03\xe8");
  EXPECT_TRUE(closed_.Wait());
}

TEST_F(StreamTest, AnswersABrokenFrameWithItsCode) {
  Start(SocketRouter());
  auto client = Connect();
  client.Send(Get("/socket", kHandshake));
  client.ReadUntil("\r\n\r\n");
  client.Send("\x81\x02hi");  // not masked
  EXPECT_EQ(client.ReadToEnd(), "\x88\x02\x03\xea");
}

TEST_F(StreamTest, RefusesHalfAHandshake) {
  Start(SocketRouter());
  auto client = Connect();
  client.Send(Get("/socket", "Upgrade: websocket\r\n"));
  EXPECT_TRUE(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(StreamTest, DrainClosesAWebSocketWithGoingAway) {
  Start(SocketRouter());
  auto client = Connect();
  client.Send(Get("/socket", kHandshake));
  client.ReadUntil("\r\n\r\n");
  EXPECT_TRUE(server_->Drain(TestDeadline()));
  EXPECT_EQ(client.ReadToEnd(), "\x88\x02\x03\xe9");
}

}  // namespace
}  // namespace millrace::http
