#include "value.hpp"

#include <cstring>

#include "base/time.hpp"

namespace millrace::pipeline {

bool ParseText(std::string_view text, const schema::Type& type, Value& out) {
  switch (type.kind) {
    case schema::Kind::kText:
      out.SetView(Value::Tag::kText, text);
      return true;
    case schema::Kind::kDecimal: {
      const auto unscaled = ParseDecimal(text, type.precision, type.scale);
      if (!unscaled) return false;
      out.tag = Value::Tag::kDecimal;
      out.unscaled = *unscaled;
      return true;
    }
    case schema::Kind::kDate: {
      const auto days = ParseDate(text);
      out.tag = Value::Tag::kInteger;
      out.integer = days ? *days : 0;
      return days.has_value();
    }
    case schema::Kind::kTimestamp: {
      const auto at = ParseTimestamp(text);
      out.tag = Value::Tag::kInteger;
      out.integer = at ? *at : 0;
      return at.has_value();
    }
    case schema::Kind::kUuid: {
      const auto uuid = ParseUuid(text);
      if (!uuid) return false;
      out.tag = Value::Tag::kUuid;
      out.uuid = *uuid;
      return true;
    }
    default:
      return false;
  }
}

Status SetColumn(sql::BatchBuilder& builder, std::size_t column, schema::Kind kind,
                 const Value& value) {
  switch (value.tag) {
    case Value::Tag::kNull:
      builder.SetNull(column);
      return {};
    case Value::Tag::kInteger:
      if (kind == schema::Kind::kBoolean) {
        builder.SetBool(column, value.integer != 0);
      } else {
        builder.SetInt(column, value.integer);
      }
      return {};
    case Value::Tag::kDouble:
      builder.SetDouble(column, value.real);
      return {};
    case Value::Tag::kDecimal:
      builder.SetDecimal(column, value.unscaled);
      return {};
    case Value::Tag::kUuid:
      builder.SetUuid(column, value.uuid);
      return {};
    case Value::Tag::kText:
      builder.SetText(column, value.view());
      return {};
    case Value::Tag::kLiteral:
      return builder.SetLiteral(column, value.view());
  }
  return Fail(ErrorCode::kInternal, "a value without a tag");
}

bool AppendKey(std::string& out, const Value& value) {
  const auto raw = [&out](const void* bytes, std::size_t size) {
    const auto length = static_cast<std::uint32_t>(size);
    char prefix[sizeof length];
    std::memcpy(prefix, &length, sizeof length);
    out.append(prefix, sizeof length);
    out.append(static_cast<const char*>(bytes), size);
  };
  switch (value.tag) {
    case Value::Tag::kNull:
      return false;
    case Value::Tag::kInteger:
      raw(&value.integer, sizeof value.integer);
      return true;
    case Value::Tag::kDouble: {
      const double real = value.real == 0 ? 0 : value.real;  // -0 equals 0
      raw(&real, sizeof real);
      return true;
    }
    case Value::Tag::kDecimal:
      raw(&value.unscaled, sizeof value.unscaled);
      return true;
    case Value::Tag::kUuid:
      raw(value.uuid.data(), value.uuid.size());
      return true;
    case Value::Tag::kText:
    case Value::Tag::kLiteral:
      raw(value.text.data, value.text.size);
      return true;
  }
  return false;
}

}  // namespace millrace::pipeline
