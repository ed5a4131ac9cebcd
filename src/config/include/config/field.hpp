#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "config/value.hpp"

namespace millrace::config {

/// The names of an enum's values, or the texts that are allowed.
template <typename T>
using Choices = std::vector<std::pair<std::string_view, T>>;

/// One setting of a room's struct: the only place that says its name, meaning and bounds.
/// The default is the member's own initialiser. See config.hpp for an example.
template <typename C, typename T>
class Field {
 public:
  using Base = typename detail::Base<T>::Type;

  Field(std::string_view name, T C::* member, std::string_view help)
      : name_(name), member_(member), help_(help) {}

  template <typename A, typename B>
  Field(std::string_view name, T C::* member, std::string_view help, Within<A, B> bounds)
      : Field(name, member, help) {
    bounds_ = {Convert(bounds.min), Convert(bounds.max)};
  }

  Field(std::string_view name, T C::* member, std::string_view help,
        std::type_identity_t<Choices<T>> choices)
      : Field(name, member, help) {
    choices_ = std::move(choices);
  }

  std::string_view name() const { return name_; }
  std::string_view help() const { return help_; }
  static constexpr bool secret() { return std::is_same_v<Base, Secret>; }

  /// "size, 1MiB to 1GiB", "refuse or drop", "duration or none".
  std::string Expected() const {
    std::string text;
    if (!choices_.empty()) text = ListChoices();
    if constexpr (!std::is_enum_v<Base>) {
      if (choices_.empty()) text = Value<Base>::kType;
      if (bounds_)
        text += ", " + Value<Base>::Print(bounds_->min) + " to " +
                Value<Base>::Print(bounds_->max);
    }
    if constexpr (!std::is_same_v<T, Base>) text += ", or none";
    return text;
  }

  std::string Print(const C& config) const {
    if constexpr (!std::is_enum_v<T>) {
      return Value<T>::Print(config.*member_);
    } else {
      for (const auto& [text, value] : choices_)
        if (value == config.*member_) return std::string(text);
      return "?";
    }
  }

  /// Sets the member; it stays as it was on an error.
  Status Read(std::string_view text, C& config) const {
    if (!choices_.empty()) return ReadChoice(text, config);
    if constexpr (!std::is_enum_v<T>) {
      MR_TRY(auto value, Value<T>::Read(text));
      MR_CHECK_OK(CheckBounds(value));
      config.*member_ = std::move(value);
    }
    return {};
  }

 private:
  struct Bounds {
    Base min, max;
  };

  template <typename A>
  static Base Convert(A value) {
    if constexpr (std::is_arithmetic_v<A>)
      return static_cast<Base>(value);
    else
      return Base(value);
  }

  Status CheckBounds(const T& value) const {
    if constexpr (std::totally_ordered<Base>) {
      const Base* base = nullptr;
      if constexpr (std::is_same_v<T, Base>)
        base = &value;
      else if (value)
        base = &*value;
      if (bounds_ && base != nullptr && (*base < bounds_->min || bounds_->max < *base))
        return Fail(ErrorCode::kInvalidArgument, "outside the bounds");
    }
    return {};
  }

  Status ReadChoice(std::string_view text, C& config) const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices_) {
      if (name == text) {
        config.*member_ = value;
        return {};
      }
      names.push_back(name);
    }
    const auto near = NearMiss(text, names.data(), names.size());
    if (near.empty()) return Fail(ErrorCode::kInvalidArgument, "not one of these");
    return Fail(ErrorCode::kInvalidArgument, "did you mean " + std::string(near) + "?");
  }

  std::string ListChoices() const {
    std::string text;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      if (i > 0) text += i + 1 == choices_.size() ? " or " : ", ";
      text += choices_[i].first;
    }
    return text;
  }

  std::string_view name_;
  T C::* member_;
  std::string_view help_;
  std::optional<Bounds> bounds_;
  Choices<T> choices_;
};

}  // namespace millrace::config
