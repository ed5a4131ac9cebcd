#include "server_socket.hpp"

#include <gtest/gtest.h>

#include "http/problem.hpp"

namespace millrace::app {
namespace {

TEST(ServerSocket, AnErrorIsWhatItWasInTheServer) {
  for (const auto code :
       {ErrorCode::kDataLoss, ErrorCode::kOutOfRange, ErrorCode::kUnprocessable,
        ErrorCode::kPermissionDenied, ErrorCode::kInternal, ErrorCode::kFenced}) {
    const auto problem = http::Problem({code, "why"}, "/admin/x", "r1");
    http::ClientResponse response;
    response.status = problem.status;
    response.body = problem.body;
    EXPECT_EQ(ServerSocket::ErrorOf(response).code(), code) << ToString(code);
  }
  http::ClientResponse other;
  other.status = 404;
  EXPECT_EQ(ServerSocket::ErrorOf(other).code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::app
