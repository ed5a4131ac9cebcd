#pragma once

#include <functional>

#include "base/result.hpp"
#include "http/router.hpp"
#include "runtime/blocking_pool.hpp"

namespace millrace::http {

/// Answers with what `work` gives, run by `pool`: an error as a problem, and 503 at once
/// where the pool is full. `work` runs after the handler has returned, so it keeps copies
/// of what it needs of the request. A pool that stops drops it: 500.
void AnswerOn(runtime::BlockingPool& pool, const Request& request, Responder responder,
              std::move_only_function<Result<Response>()> work);

}  // namespace millrace::http
