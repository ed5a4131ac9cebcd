#include "account_input.hpp"

#include <algorithm>
#include <utility>

#include "base/bytes.hpp"
#include "identity/sign_up.hpp"
#include "query/tenant.hpp"
#include "schema/record_codec.hpp"

namespace millrace::identity {
namespace {

constexpr std::size_t kMinPassword = 8;
constexpr std::size_t kMaxPassword = 1024;

}  // namespace

std::string NormalEmail(std::string email) {
  std::ranges::transform(email, email.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return email;
}

Result<AccountInput> AccountInput::Read(std::string_view body) {
  std::string padded(body);
  padded.reserve(padded.size() + schema::kJsonPadding);
  MR_TRY(auto document, schema::MinifyJson(padded));
  if (!document.starts_with('{'))
    return Fail(ErrorCode::kInvalidArgument, "the body must be a JSON object");
  return AccountInput(std::move(document));
}

std::optional<std::string> AccountInput::Take(std::string_view name) {
  const auto literal = schema::FindMember(document_, name);
  if (literal.empty()) return std::nullopt;
  std::string taken(literal);
  const auto value_at = static_cast<std::size_t>(literal.data() - document_.data());
  // "name": stands before it.
  auto begin = value_at - name.size() - 3;
  auto end = value_at + literal.size();
  if (document_[end] == ',') {
    ++end;
  } else if (document_[begin - 1] == ',') {
    --begin;
  }
  document_.erase(begin, end - begin);
  return taken;
}

bool AccountInput::Has(std::string_view name) const {
  return !schema::FindMember(document_, name).empty();
}

void AccountInput::Refuse(std::string_view name, std::string message) {
  problems_.push_back({"/" + std::string(name), std::move(message)});
}

std::optional<std::string> AccountInput::TextIfThere(std::string_view name) {
  const auto literal = Take(name);
  if (!literal || *literal == "null") return std::nullopt;
  if (literal->starts_with('"')) return schema::TextOf(*literal);
  Refuse(name, "must be text");
  return std::nullopt;
}

std::optional<bool> AccountInput::FlagIfThere(std::string_view name) {
  const auto literal = Take(name);
  if (!literal || *literal == "null") return std::nullopt;
  if (*literal != "true" && *literal != "false") Refuse(name, "must be true or false");
  return *literal == "true";
}

std::optional<std::string> AccountInput::TenantIfThere(std::string_view name) {
  auto tenant = TextIfThere(name);
  if (tenant && !tenant->empty() && !query::IsTenant(*tenant))
    Refuse(name, "must be " + std::string(query::kTenantForm) + ", or empty for none");
  return tenant;
}

std::string AccountInput::Text(std::string_view name) {
  const auto before = problems_.size();
  auto text = TextIfThere(name).value_or("");
  if (text.empty() && problems_.size() == before) Refuse(name, "is required");
  return text;
}

std::string AccountInput::Email(std::string_view name) {
  const auto before = problems_.size();
  auto email = NormalEmail(Text(name));
  if (problems_.size() == before && !IsEmail(email)) Refuse(name, "is no e-mail address");
  return email;
}

std::string AccountInput::NewPassword(std::string_view name) {
  const auto before = problems_.size();
  auto password = Text(name);
  const auto characters = std::ranges::count_if(
      password, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; });
  if (problems_.size() != before) return password;
  if (static_cast<std::size_t>(characters) < kMinPassword)
    Refuse(name, "must have 8 characters or more");
  if (password.size() > kMaxPassword) Refuse(name, "must have 1024 bytes or less");
  return password;
}

std::string AccountInput::Rest() const {
  return document_.substr(1, document_.size() - 2);
}

Status AccountInput::Finish(bool others) {
  if (!others && document_ != "{}") {
    const auto quote = document_.find('"', 2);
    const auto name = document_.substr(2, quote - 2);
    Refuse(name, "is not taken here");
  }
  if (problems_.empty()) return {};
  return Fail(Error(ErrorCode::kInvalidArgument, "the body cannot be used",
                    std::exchange(problems_, {})));
}

}  // namespace millrace::identity
