#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace millrace::identity {

/// As e-mail addresses are kept and compared: ASCII letters in lower case.
std::string NormalEmail(std::string email);

/// Members of a JSON body, with every problem in one answer.
class AccountInput {
 public:
  /// kInvalidArgument: no JSON object.
  static Result<AccountInput> Read(std::string_view body);

  bool Has(std::string_view name) const;
  /// Takes a member away; a text that is not there or empty is a problem.
  std::string Text(std::string_view name);
  /// The same; nothing where it is absent or null.
  std::optional<std::string> TextIfThere(std::string_view name);
  std::optional<bool> FlagIfThere(std::string_view name);
  /// A tenant's name (query::IsTenant), or an empty text: none.
  std::optional<std::string> TenantIfThere(std::string_view name);
  /// In lower case, as addresses are compared.
  std::string Email(std::string_view name);
  /// One that is to be set: 8 characters to 1024 bytes.
  std::string NewPassword(std::string_view name);
  /// What was not taken, as members of an object under construction (without braces).
  std::string Rest() const;
  void Refuse(std::string_view name, std::string message);
  /// kInvalidArgument with every problem so far; also where members are left that nobody
  /// took, unless `others` may be there.
  Status Finish(bool others);

 private:
  explicit AccountInput(std::string document) : document_(std::move(document)) {}
  /// Raw literal; nullopt: absent.
  std::optional<std::string> Take(std::string_view name);

  std::string document_;  ///< minified
  std::vector<FieldError> problems_;
};

}  // namespace millrace::identity
