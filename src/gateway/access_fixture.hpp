#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>

#include "gateway/access_control.hpp"
#include "http/client.hpp"
#include "http/server.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"

namespace millrace::gateway {

/// Routes behind access rules, asked from the outside: who asks is injected.
class AccessFixture : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "access_XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
    access_.who = [](const http::Request& request) { return Who(request); };
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Rule(const schema::Collection& of, query::Operation operation,
            std::string_view text) {
    access_.rules[of.name].rules[static_cast<std::size_t>(operation)] =
        query::Rule::Parse(text, of.DocumentColumns()).value();
  }

  /// "ada", "ada@acme", "ada orders:read *:read" (a key of such scopes); an empty header
  /// is nobody, "bad" a broken token, and root an administrator.
  static Result<query::Principal> Who(const http::Request& request) {
    auto token = std::string(request.Header("x-test-token"));
    if (token == "bad") return Fail(ErrorCode::kUnauthenticated, "the token is broken");
    query::Principal who;
    if (token.empty()) return who;
    who.authenticated = true;
    while (token.contains(' ')) {
      who.scopes.push_back(token.substr(token.rfind(' ') + 1));
      token.resize(token.rfind(' '));
    }
    who.user_id = token.substr(0, token.find('@'));
    if (token.contains('@')) who.tenant = token.substr(token.find('@') + 1);
    if (who.user_id == "root") who.role = "admin";
    return who;
  }

  template <typename... Routes>
  void Serve(Routes&... routes) {
    http::ServerOptions options;
    options.listeners.resize(1);
    (routes.AddTo(options.listeners[0].router), ...);
    auto server = http::Server::Start(std::move(options), metrics_, logger_);
    ASSERT_TRUE(server.has_value()) << server.error().ToString();
    server_ = std::move(*server);
    auto client = http::Client::Connect({.port = server_->port()}, Deadline::Never());
    ASSERT_TRUE(client.has_value()) << client.error().ToString();
    client_.emplace(std::move(*client));
  }

  /// `path` goes on behind "/api/".
  http::ClientResponse Send(http::Method method, const std::string& path,
                            const std::string& who, const std::string& body = "",
                            http::Client::Headers more = {}) {
    if (!who.empty()) more.emplace_back("X-Test-Token", who);
    auto answer = client_->Send(method, "/api/" + path, body, more, Deadline::Never());
    EXPECT_TRUE(answer.has_value()) << answer.error().ToString();
    return answer.value_or(http::ClientResponse{});
  }

  std::string directory_;
  telemetry::Registry metrics_;
  telemetry::Logger logger_{{.level = telemetry::Level::kError}};
  AccessControl access_;
  std::unique_ptr<http::Server> server_;
  std::optional<http::Client> client_;
};

}  // namespace millrace::gateway
