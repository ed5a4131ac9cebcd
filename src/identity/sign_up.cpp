#include "identity/sign_up.hpp"

#include <simdjson.h>

#include <map>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/json_member.hpp"

namespace millrace::identity {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMinPassword = 8;

/// A member of the body after conversion.
struct Member {
  enum class Kind : std::uint8_t { kAbsent, kText, kOther };  ///< kAbsent: null, too
  Kind kind = Kind::kAbsent;
  std::string text;
};
using Members = std::map<std::string, Member, std::less<>>;

Member Convert(dom::element value) {
  std::string_view text;
  double number = 0;
  bool flag = false;
  if (value.is_null()) return {};
  if (value.get(text) == simdjson::SUCCESS)
    return {Member::Kind::kText, std::string(text)};
  if (value.get(flag) == simdjson::SUCCESS)
    return {Member::Kind::kText, flag ? "true" : "false"};
  if (value.is_int64() || value.is_uint64())
    return {Member::Kind::kText, simdjson::minify(value)};
  if (value.get(number) == simdjson::SUCCESS) {
    Member member{Member::Kind::kText, {}};
    AppendDouble(member.text, number);
    return member;
  }
  return {Member::Kind::kOther, {}};
}

Result<Members> ReadMembers(std::string_view body) {
  Members members;
  if (body.empty()) return members;
  dom::parser parser;
  dom::element element;
  const simdjson::padded_string padded(body);
  const auto failed = parser.parse(padded).get(element);
  if (failed != simdjson::SUCCESS) {
    const std::string why = std::string("the body is no JSON: ") + error_message(failed);
    return Fail(Error(ErrorCode::kInvalidArgument, why, {{"", why}}));
  }
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return members;
  for (const auto [key, value] : object)
    members.insert_or_assign(std::string(key), Convert(value));
  return members;
}

std::size_t CharactersOf(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  return count;
}

/// Gathers broken rules of one body.
class Rules {
 public:
  explicit Rules(const Members& members) : members_(members) {}

  void Known(std::initializer_list<std::string_view> names) {
    for (const auto& [name, member] : members_) {
      if (std::ranges::find(names, name) == names.end())
        Add(name, "property " + Excerpt(name).substr(1, Excerpt(name).size() - 2) +
                      " should not exist");
    }
  }
  const Member& Get(std::string_view name) const {
    static const Member absent;
    const auto found = members_.find(name);
    return found == members_.end() ? absent : found->second;
  }
  void NotEmpty(std::string_view name, std::string_view message) {
    const auto& member = Get(name);
    const bool empty = member.kind == Member::Kind::kAbsent ||
                       (member.kind == Member::Kind::kText && member.text.empty());
    if (empty) Add(name, message);
  }
  void Text(std::string_view name, std::string_view message) {
    if (Get(name).kind != Member::Kind::kText) Add(name, message);
  }
  void TextOrAbsent(std::string_view name, std::string_view message) {
    if (Get(name).kind == Member::Kind::kOther) Add(name, message);
  }
  void Email(std::string_view name, std::string_view message) {
    if (!IsEmail(Get(name).text)) Add(name, message);
  }
  void MinLength(std::string_view name, std::size_t least, std::string_view message) {
    if (CharactersOf(Get(name).text) < least) Add(name, message);
  }
  Status Finish() && {
    if (broken_.empty()) return {};
    return Fail(
        Error(ErrorCode::kInvalidArgument, "the body breaks rules", std::move(broken_)));
  }

 private:
  void Add(std::string_view name, std::string_view message) {
    broken_.push_back({"/" + std::string(name), std::string(message)});
  }

  const Members& members_;
  std::vector<FieldError> broken_;
};

}  // namespace

Result<SignUp> ReadSignUp(std::string_view body) {
  MR_TRY(const auto members, ReadMembers(body));
  Rules rules(members);
  rules.Known({"email", "password", "name", "username"});
  rules.NotEmpty("email", "Email should not be empty.");
  rules.Email("email", "Please provide a valid email address.");
  rules.MinLength("password", kMinPassword,
                  "Password must be at least 8 characters long.");
  rules.NotEmpty("password", "Password should not be empty.");
  rules.Text("password", "password must be a string");
  rules.TextOrAbsent("name", "name must be a string");
  rules.TextOrAbsent("username", "username must be a string");
  SignUp input{rules.Get("email").text, rules.Get("password").text, std::nullopt};
  for (const auto* name : {"username", "name"}) {
    const auto& member = rules.Get(name);
    if (member.kind == Member::Kind::kText) input.name = member.text;
  }
  MR_CHECK_OK(std::move(rules).Finish());
  return input;
}

Result<LogIn> ReadLogIn(std::string_view body) {
  MR_TRY(const auto members, ReadMembers(body));
  Rules rules(members);
  rules.Known({"email", "password"});
  rules.NotEmpty("email", "email should not be empty");
  rules.Email("email", "email must be an email");
  rules.NotEmpty("password", "password should not be empty");
  rules.Text("password", "password must be a string");
  LogIn input{rules.Get("email").text, rules.Get("password").text};
  MR_CHECK_OK(std::move(rules).Finish());
  return input;
}

std::string ToJson(const SignUp& input) {
  std::string out = "{";
  AppendMember(out, "email", input.email);
  AppendMember(out, "password", input.password);
  if (input.name) AppendMember(out, "name", *input.name);
  return out += '}';
}

std::string ToJson(const LogIn& input) {
  std::string out = "{";
  AppendMember(out, "email", input.email);
  AppendMember(out, "password", input.password);
  return out += '}';
}

}  // namespace millrace::identity
