#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <latch>
#include <thread>

#include "rpc/client.hpp"
#include "rpc/framing.hpp"
#include "rpc/server.hpp"

namespace millrace::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Handlers EchoHandlers() {
  Handlers handlers;
  handlers[CommandPattern("echo")] = [](const std::string& data, Responder responder) {
    responder.Send(data);
  };
  handlers[CommandPattern("refuse")] = [](const std::string&, Responder responder) {
    responder.SendError(R"({"statusCode":409})");
  };
  handlers[CommandPattern("forget")] = [](const std::string&, const Responder&) {};
  return handlers;
}

/// A server that tests can start again at the same port.
class RpcTest : public testing::Test {
 protected:
  std::unique_ptr<Server> Serve(Handlers handlers, std::uint16_t port = 0,
                                ServerOptions options = {}) {
    options.port = port;
    auto server = Server::Start(options, std::move(handlers), log_);
    EXPECT_TRUE(server) << server.error().ToString();
    return std::move(*server);
  }

  ClientOptions To(std::uint16_t port) {
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.backoff_min = milliseconds(1);
    options.backoff_max = milliseconds(5);
    return options;
  }

  static Result<Answer> Call(Client& client, std::string_view command,
                             std::string_view data = "{}",
                             Deadline deadline = Deadline::After(seconds(20))) {
    std::promise<Result<Answer>> promise;
    client.Call(CommandPattern(command), data, deadline,
                [&](Result<Answer> answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }

  telemetry::Logger log_{{.level = telemetry::Level::kError}};
};

TEST_F(RpcTest, AServiceTokenIsAskedOfEachMessage) {
  ServerOptions options;
  options.service_token = "between us";
  const auto server = Serve(EchoHandlers(), 0, options);
  for (const auto* token : {"", "between u", "between them", "between us"}) {
    auto to = To(server->port());
    to.service_token = token;
    Client client(to, log_);
    const auto answer = Call(client, "echo");
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_EQ(answer->failed, std::string_view(token) != "between us") << token;
    if (answer->failed) EXPECT_TRUE(answer->json.contains("503")) << answer->json;
  }
}

/// A bare socket, for what no client of ours would send.
class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawPeer() { ::close(fd_); }
  void Send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void SendFrame(std::string_view json) {
    std::string frame;
    AppendFrame(frame, json);
    Send(frame);
  }
  /// Until `size` bytes are there, or the other side closed.
  std::string Read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const auto got = ::recv(fd_, bytes.data() + have, size - have, 0);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }

 private:
  int fd_;
};

std::string Framed(std::string_view json) {
  std::string frame;
  AppendFrame(frame, json);
  return frame;
}

TEST_F(RpcTest, CallsAreAnswered) {
  auto server = Serve(EchoHandlers());
  Client client(To(server->port()), log_);
  const auto answer = Call(client, "echo", R"({"name":"é😀"})");
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_FALSE(answer->failed);
  EXPECT_EQ(answer->json, R"({"name":"é😀"})");
  EXPECT_EQ(Call(client, "echo", "null")->json, "null");
}

TEST_F(RpcTest, ErrorsAreAnswersThatFailed) {
  auto server = Serve(EchoHandlers());
  Client client(To(server->port()), log_);
  const auto refused = Call(client, "refuse");
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->failed);
  EXPECT_EQ(refused->json, R"({"statusCode":409})");
  const auto unknown = Call(client, "nobody");
  ASSERT_TRUE(unknown);
  EXPECT_TRUE(unknown->failed);
  EXPECT_NE(unknown->json.find("no matching message handler"), std::string::npos);
  EXPECT_TRUE(Call(client, "forget")->failed);
}

TEST_F(RpcTest, ManyCallsShareFewConnectionsAndFindTheirAnswers) {
  auto server = Serve(EchoHandlers());
  Client client(To(server->port()), log_);
  constexpr int kCalls = 2000;
  std::latch done(kCalls);
  std::atomic<int> right{0};
  for (int i = 0; i < kCalls; ++i) {
    client.Call(CommandPattern("echo"), std::to_string(i), Deadline::After(seconds(20)),
                [&, i](Result<Answer> answer) {
                  right += answer && answer->json == std::to_string(i) ? 1 : 0;
                  done.count_down();
                });
  }
  done.wait();
  EXPECT_EQ(right, kCalls);
}

TEST_F(RpcTest, AnswersMayComeLaterFromAnotherThread) {
  std::thread later;
  Handlers handlers;
  handlers[CommandPattern("slow")] = [&](const std::string&, Responder responder) {
    later = std::thread([responder = std::move(responder)]() mutable {
      responder.Send("1");
      responder.Send("2");  // does nothing
    });
  };
  auto server = Serve(std::move(handlers));
  Client client(To(server->port()), log_);
  EXPECT_EQ(Call(client, "slow")->json, "1");
  later.join();
}

TEST_F(RpcTest, FramesMayBeSplitAndJoined) {
  auto server = Serve(EchoHandlers());
  RawPeer peer(server->port());
  const auto request = Framed(R"({"pattern":{"cmd":"echo"},"data":"é😀","id":"a"})");
  const auto reply = Framed(R"({"response":"é😀","isDisposed":true,"id":"a"})");
  peer.Send(request + request);
  EXPECT_EQ(peer.Read(2 * reply.size()), reply + reply);
  for (const char byte : request) peer.Send({&byte, 1});
  EXPECT_EQ(peer.Read(reply.size()), reply);
}

TEST_F(RpcTest, EventsHaveNoAnswer) {
  std::atomic<int> events{0};
  auto handlers = EchoHandlers();
  handlers["happened"] = [&](const std::string&, Responder responder) {
    ++events;
    responder.Send("1");
  };
  auto server = Serve(std::move(handlers));
  RawPeer peer(server->port());
  peer.SendFrame(R"({"pattern":"happened","data":{}})");
  peer.SendFrame(R"({"pattern":"unknown","data":{}})");
  peer.SendFrame("17");
  peer.SendFrame(R"({"pattern":{"cmd":"echo"},"data":1,"id":"x"})");
  const auto reply = Framed(R"({"response":1,"isDisposed":true,"id":"x"})");
  EXPECT_EQ(peer.Read(reply.size()), reply);
  EXPECT_EQ(events, 1);
}

TEST_F(RpcTest, GarbageEndsItsConnectionAndNoOther) {
  ServerOptions small;
  small.max_frame_units = 100;
  auto server = Serve(EchoHandlers(), 0, small);
  Client client(To(server->port()), log_);
  for (const std::string_view garbage :
       {"GET / HTTP/1.1\r\n\r\n", "5#nojsn", "101#{", "999999999999#", "x"}) {
    RawPeer peer(server->port());
    peer.Send(garbage);
    EXPECT_EQ(peer.Read(1), "") << garbage;
    EXPECT_EQ(Call(client, "echo", "1")->json, "1");
  }
}

TEST_F(RpcTest, AClientThatDoesNotReadIsNotReadFrom) {
  ServerOptions small;
  small.in_flight = 4;
  small.output_bytes = 64u << 10u;
  auto server = Serve(EchoHandlers(), 0, small);
  RawPeer peer(server->port());
  const auto request = Framed(R"({"pattern":{"cmd":"echo"},"data":")" +
                              std::string(20'000, 'x') + R"(","id":"a"})");
  const auto reply = Framed(R"({"response":")" + std::string(20'000, 'x') +
                            R"(","isDisposed":true,"id":"a"})");
  constexpr int kRequests = 2000;
  std::thread sender([&] {
    for (int i = 0; i < kRequests; ++i) peer.Send(request);
  });
  const auto all = peer.Read(kRequests * reply.size());
  sender.join();
  EXPECT_EQ(all.size(), kRequests * reply.size());
}

TEST_F(RpcTest, ACallWithoutAnAnswerEndsAtItsDeadline) {
  std::vector<Responder> kept;
  Handlers handlers;
  handlers[CommandPattern("never")] = [&](const std::string&, Responder responder) {
    kept.push_back(std::move(responder));
  };
  auto server = Serve(std::move(handlers));
  Client client(To(server->port()), log_);
  const auto answer = Call(client, "never", "{}", Deadline::After(milliseconds(20)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(answer.error().message(), "Timeout has occurred");
}

TEST_F(RpcTest, WithoutAServerCallsFailAtOnceAndThenRecover) {
  auto server = Serve(EchoHandlers());
  const auto port = server->port();
  Client client(To(port), log_);
  EXPECT_TRUE(Call(client, "echo"));
  server.reset();
  const auto down = Call(client, "echo");
  ASSERT_FALSE(down);
  // The first may have been on its way when the connection broke.
  auto next = Call(client, "echo");
  while (!next && next.error().code() == ErrorCode::kDeadlineExceeded) {
    next = Call(client, "echo");
  }
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code(), ErrorCode::kUnavailable);
  server = Serve(EchoHandlers(), port);
  while (!Call(client, "echo")) std::this_thread::yield();
  EXPECT_EQ(Call(client, "echo", "3")->json, "3");
}

TEST_F(RpcTest, TheCircuitOpensWhenNothingIsAnsweredAndClosesByItself) {
  std::atomic<bool> silent{true};
  std::vector<Responder> kept;
  Handlers handlers;
  handlers[CommandPattern("maybe")] = [&](const std::string& data, Responder responder) {
    if (silent) {
      kept.push_back(std::move(responder));
    } else {
      responder.Send(data);
    }
  };
  auto server = Serve(std::move(handlers));
  auto options = To(server->port());
  options.timeouts_to_open = 2;
  Client client(options, log_);
  const auto soon = [] { return Deadline::After(milliseconds(5)); };
  Result<Answer> answer = Call(client, "maybe", "1", soon());
  while (answer.error().code() != ErrorCode::kUnavailable) {
    answer = Call(client, "maybe", "1", soon());
    ASSERT_FALSE(answer);
  }
  EXPECT_NE(answer.error().message().find("circuit"), std::string::npos);
  silent = false;
  while (!Call(client, "maybe", "1")) std::this_thread::yield();
  EXPECT_EQ(Call(client, "maybe", "2")->json, "2");
}

TEST_F(RpcTest, AServerThatAnswersGarbageFailsTheCall) {
  const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listening, 8), 0);
  socklen_t size = sizeof address;
  ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
  std::thread garbage([&] {
    for (;;) {
      const int peer = ::accept(listening, nullptr, nullptr);
      if (peer < 0) return;
      char first = 0;
      if (::recv(peer, &first, 1, 0) == 1) ::send(peer, "<html>", 6, MSG_NOSIGNAL);
      ::close(peer);
    }
  });
  {
    auto options = To(ntohs(address.sin_port));
    options.connections = 1;
    Client client(options, log_);
    const auto answer = Call(client, "echo");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kDeadlineExceeded);
  }
  ::shutdown(listening, SHUT_RDWR);
  garbage.join();
  ::close(listening);
}

TEST_F(RpcTest, DrainLetsOutstandingAnswersGoOut) {
  std::promise<Responder> taken;
  Handlers handlers;
  handlers[CommandPattern("slow")] = [&](const std::string&, Responder responder) {
    taken.set_value(std::move(responder));
  };
  auto server = Serve(std::move(handlers));
  Client client(To(server->port()), log_);
  std::promise<Result<Answer>> answered;
  client.Call(CommandPattern("slow"), "{}", Deadline::After(seconds(20)),
              [&](Result<Answer> answer) { answered.set_value(std::move(answer)); });
  auto responder = taken.get_future().get();
  EXPECT_FALSE(server->Drain(Deadline::After(milliseconds(1))));
  responder.Send("1");
  EXPECT_TRUE(server->Drain(Deadline::After(seconds(20))));
  EXPECT_EQ(answered.get_future().get()->json, "1");
}

TEST_F(RpcTest, AnAddressInUseIsAConflict) {
  auto server = Serve(EchoHandlers());
  ServerOptions same;
  same.port = server->port();
  const auto second = Server::Start(same, EchoHandlers(), log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
}

}  // namespace
}  // namespace millrace::rpc
