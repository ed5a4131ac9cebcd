#include "identity/user_email.hpp"

#include <string>
#include <utility>
#include <vector>

#include "account_input.hpp"
#include "identity/sign_up.hpp"

namespace millrace::identity {
namespace {

constexpr std::string_view kEmail = "email";

/// In place: it is as long in lower case. False: no address.
bool Normalise(std::string& json, std::string_view literal) {
  auto normal = NormalEmail(std::string(literal));
  if (!IsEmail(schema::TextOf(normal))) return false;
  json.replace(static_cast<std::size_t>(literal.data() - json.data()), literal.size(),
               normal);
  return true;
}

Status Finish(std::vector<FieldError> problems) {
  if (problems.empty()) return {};
  return Fail(
      Error(ErrorCode::kInvalidArgument, "the body cannot be used", std::move(problems)));
}

}  // namespace

Status NormaliseEmails(std::span<schema::Draft> users, bool batch) {
  std::vector<FieldError> problems;
  for (std::size_t i = 0; i < users.size(); ++i) {
    auto& json = users[i].json;
    if (Normalise(json, schema::FindMember(json, kEmail))) continue;
    const auto place = batch ? "/" + std::to_string(i) : std::string();
    problems.push_back({place + "/email", "is no e-mail address"});
  }
  return Finish(std::move(problems));
}

Status NormaliseEmail(schema::Patch& patch, const schema::Collection& users) {
  std::vector<FieldError> problems;
  for (auto& item : patch.items) {
    if (item.field == users.Find(kEmail) && !Normalise(item.json, item.json))
      problems.push_back({"/email", "is no e-mail address"});
  }
  return Finish(std::move(problems));
}

}  // namespace millrace::identity
