#include "schema/stored_check.hpp"

#include "literal.hpp"
#include "rules.hpp"
#include "schema/record_codec.hpp"
#include "value_check.hpp"

namespace millrace::schema {

struct StoredCheck::Impl {
  explicit Impl(Field given) : field(std::move(given)), rules(field) {}
  const Field field;
  const Rules rules;
  std::string canonical, unescaped;
};

StoredCheck::StoredCheck(Field field) : impl_(std::make_unique<Impl>(std::move(field))) {}
StoredCheck::StoredCheck(StoredCheck&&) noexcept = default;
StoredCheck::~StoredCheck() = default;

bool StoredCheck::HasRules() const {
  const auto& field = impl_->field;
  return field.required || field.min_json || field.max_json || !field.in_json.empty() ||
         field.min_length || field.max_length;
}

std::string StoredCheck::Broken(std::string_view document) {
  const auto& field = impl_->field;
  const auto literal = FindMember(document, field.name);
  if (literal.empty()) {
    return field.required && !field.default_json ? "is required" : "";
  }
  if (literal == "null") return field.required ? "must not be null" : "";
  Problems problems;
  impl_->canonical.clear();
  if (!CheckText(field.type, literal, nullptr, problems, impl_->canonical)) {
    return Expectation(field.type);
  }
  // Read once more: what CheckText gives of a text does not outlive it.
  const auto scalar = ReadScalar(field.type, impl_->canonical, impl_->unescaped);
  return impl_->rules.Broken(impl_->canonical, scalar.value_or(Scalar{}));
}

}  // namespace millrace::schema
