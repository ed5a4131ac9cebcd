#include "admin_handler.hpp"

#include <memory>
#include <utility>

#include "http/problem.hpp"
#include "http/query.hpp"

namespace millrace::app {
namespace {

Result<Parameters> ParametersOf(const std::string& query) {
  MR_TRY(const auto list, http::ParseQuery(query));
  Parameters parameters;
  for (const auto& one : list) parameters[one.name] = one.value;
  return parameters;
}

}  // namespace

std::string ValueOf(const Parameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

http::Response JsonResponse(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

http::Handler OnPool(runtime::BlockingPool& pool, Work work) {
  return [&pool, work = std::move(work)](const http::Request& request,
                                         http::Responder responder) {
    auto shared = std::make_shared<http::Responder>(std::move(responder));
    const std::string path(request.path), id(request.request_id);
    auto task = [shared, work, path, id, query = std::string(request.query),
                 body = std::string(request.body)] {
      auto parameters = ParametersOf(query);
      if (!parameters) return shared->Send(http::Problem(parameters.error(), path, id));
      auto response = work(*parameters, body);
      shared->Send(response ? std::move(*response)
                            : http::Problem(response.error(), path, id));
    };
    if (!pool.Submit(std::move(task))) {
      shared->Send(http::Problem(
          Error(ErrorCode::kUnavailable, "too many reads are waiting"), path, id));
    }
  };
}

}  // namespace millrace::app
