#include "rule_types.hpp"

#include "base/bytes.hpp"
#include "schema/record_codec.hpp"

namespace millrace::query {
namespace {

using schema::Kind;

/// Values of one family can be compared.
enum class Family : std::uint8_t { kText, kNumber, kBoolean, kNone, kAny };

Family FamilyOf(const schema::Type& type) {
  switch (type.kind) {
    case Kind::kInteger:
    case Kind::kBigint:
    case Kind::kDouble:
    case Kind::kDecimal:
      return Family::kNumber;
    case Kind::kBoolean:
      return Family::kBoolean;
    case Kind::kText:
    case Kind::kDate:
    case Kind::kTimestamp:
    case Kind::kUuid:
    case Kind::kBytes:
      return Family::kText;
    case Kind::kJson:
    case Kind::kArray:
    case Kind::kObject:
      break;
  }
  return Family::kNone;
}

Family FamilyOf(const Operand& operand, const schema::Columns& columns) {
  switch (operand.kind) {
    case Operand::Kind::kField:
      return FamilyOf(columns[operand.column].type);
    case Operand::Kind::kText:
      return Family::kText;
    case Operand::Kind::kNumber:
      return Family::kNumber;
    case Operand::Kind::kBoolean:
      return Family::kBoolean;
    case Operand::Kind::kAuth:
      break;
  }
  if (operand.part == AuthPart::kClaim) return Family::kAny;
  return operand.part == AuthPart::kAuthenticated ? Family::kBoolean : Family::kText;
}

/// Whether values of both are stored in one form.
bool SameForm(const schema::Type& a, const schema::Type& b) {
  const auto whole = [](const schema::Type& type) {
    return type.kind == Kind::kInteger || type.kind == Kind::kBigint;
  };
  if (whole(a) && whole(b)) return true;
  return a.kind == b.kind && a.scale == b.scale;
}

bool IsConstant(const Operand& operand) {
  return !operand.IsField() && operand.kind != Operand::Kind::kAuth;
}

/// Of a constant that the other side cannot be.
std::string_view Hint(Family wanted) {
  switch (wanted) {
    case Family::kText:
      return ": write it in single quotes";
    case Family::kNumber:
      return ": write a number, without quotes";
    case Family::kBoolean:
      return ": write true or false, without quotes";
    default:
      return "";
  }
}

std::string WrongConstant(const Operand& field, const Operand& constant,
                          const schema::Columns& columns) {
  const auto& type = columns[field.column].type;
  const auto literal = schema::RecordCodec::LiteralFromText(type, constant.text);
  if (literal) return "";
  return Described(field, columns) + ": " + literal.error().message();
}

}  // namespace

std::string_view NameOf(AuthPart part) {
  switch (part) {
    case AuthPart::kAuthenticated:
      return "authenticated";
    case AuthPart::kUserId:
      return "user_id";
    case AuthPart::kRole:
      return "role";
    case AuthPart::kTenant:
      return "tenant";
    case AuthPart::kKeyId:
      return "key_id";
    case AuthPart::kClaim:
      break;
  }
  return "claims";
}

std::string Described(const Operand& operand, const schema::Columns& columns) {
  switch (operand.kind) {
    case Operand::Kind::kField: {
      const auto& column = columns[operand.column];
      return column.name + " (" + column.type.ToString() + ")";
    }
    case Operand::Kind::kText:
      return "the text " + Excerpt(operand.text);
    case Operand::Kind::kNumber:
      return "the number " + operand.text;
    case Operand::Kind::kBoolean:
      return operand.text;
    case Operand::Kind::kAuth:
      break;
  }
  auto name = "auth." + std::string(NameOf(operand.part));
  return operand.part == AuthPart::kClaim ? name + "." + operand.text : name;
}

std::string WrongComparison(const Operand& a, Op op, const Operand& b,
                            const schema::Columns& columns) {
  const auto left = FamilyOf(a, columns);
  const auto right = FamilyOf(b, columns);
  for (const auto* side : {&a, &b}) {
    if (FamilyOf(*side, columns) == Family::kNone) {
      return Described(*side, columns) + " knows only is null and is not null";
    }
  }
  const bool in_order = op != Op::kEq && op != Op::kNeq && op != Op::kIn;
  if (in_order && (left == Family::kBoolean || right == Family::kBoolean)) {
    return "true and false have no order: only = and <> can be asked";
  }
  const auto apart = [&](std::string_view hint) {
    return Described(a, columns) + " cannot be compared with " + Described(b, columns) +
           std::string(hint);
  };
  if (a.IsField() && b.IsField()) {
    return SameForm(columns[a.column].type, columns[b.column].type) ? "" : apart("");
  }
  // A claim is what the token says; a user's id is the text of a key of any type.
  const bool id = b.kind == Operand::Kind::kAuth && right == Family::kText &&
                  a.IsField() && left == Family::kNumber;
  if (left != right && left != Family::kAny && right != Family::kAny && !id) {
    return apart(IsConstant(b) ? Hint(left) : "");
  }
  return a.IsField() && IsConstant(b) ? WrongConstant(a, b, columns) : "";
}

}  // namespace millrace::query
