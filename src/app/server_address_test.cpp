#include "server_address.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(ParseServerUrl, ReadsOrRefusesEachForm) {
  struct Case {
    std::string_view url;
    const char* host;  // null: refused
    int port = 0;
  };
  const Case cases[] = {
      {"http://127.0.0.1:8080", "127.0.0.1", 8080},
      {"http://localhost:8080/", "localhost", 8080},
      {"http://localhost", "localhost", 80},
      {"http://[::1]:8080", "::1", 8080},
      {"http://[::1]/", "::1", 80},
      {"http://[::1]x:8080", nullptr},
      {"http://[::1:8080", nullptr},
      {"http://[]:8080", nullptr},
      {"http://::1:8080", nullptr},
      {"localhost:8080", nullptr},
      {"https://localhost:8080", nullptr},
      {"http://:8080", nullptr},
      {"http://localhost:", nullptr},
      {"http://localhost:http", nullptr},
      {"http://localhost:65536", nullptr},
      {"http://localhost:80/api", nullptr},
      {"", nullptr},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    const auto read = ParseServerUrl(c.url);
    ASSERT_EQ(read.has_value(), c.host != nullptr);
    if (!read) continue;
    EXPECT_EQ(read->host, c.host);
    EXPECT_EQ(read->port, c.port);
  }
  EXPECT_EQ(ParseServerUrl("unix:/run/m.sock")->unix_socket, "/run/m.sock");
}

}  // namespace
}  // namespace millrace::app
