#include "admin_handler.hpp"

#include <utility>

#include "http/answer_on.hpp"
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
    auto answer = [work, query = std::string(request.query),
                   body = std::string(request.body)]() -> Result<http::Response> {
      MR_TRY(const auto parameters, ParametersOf(query));
      return work(parameters, body);
    };
    http::AnswerOn(pool, request, std::move(responder), std::move(answer));
  };
}

}  // namespace millrace::app
