#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/result.hpp"
#include "http/router.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::app {

/// What routes of the data directory's socket are made of: work that may block, for one
/// request with its decoded parameters.
using Parameters = std::map<std::string, std::string>;
using Work =
    std::function<Result<http::Response>(const Parameters&, const std::string& body)>;

/// Empty when absent.
std::string ValueOf(const Parameters& parameters, const std::string& name);
http::Response JsonResponse(std::string body);
/// Runs `work` on the pool; its error becomes a problem, 503 when the pool is full.
http::Handler OnPool(runtime::BlockingPool& pool, Work work);

}  // namespace millrace::app
