#include "http/answer_on.hpp"

#include <memory>
#include <string>
#include <utility>

#include "http/problem.hpp"

namespace millrace::http {

void AnswerOn(runtime::BlockingPool& pool, const Request& request, Responder responder,
              std::move_only_function<Result<Response>()> work) {
  auto shared = std::make_shared<Responder>(std::move(responder));
  auto task = [shared, work = std::move(work), path = std::string(request.path),
               id = std::string(request.request_id)]() mutable {
    auto response = work();
    shared->Send(response ? std::move(*response) : Problem(response.error(), path, id));
  };
  if (pool.Submit(std::move(task))) return;
  shared->Send(Problem(Error(ErrorCode::kUnavailable, "too many reads are waiting"),
                       request.path, request.request_id));
}

}  // namespace millrace::http
