#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "query/principal.hpp"
#include "schema/collection.hpp"

/// Random access rules with their meaning, for the conformance of stores. The meaning is
/// known without a literal being parsed: each value is a place in its domain, and places
/// compare as their values do.
namespace millrace::query::cases {

/// A value as a client sends it and as a rule spells it.
struct Spelled {
  std::string json;
  std::string rule;
};

/// The values of a field, least first. Fields of one domain can be compared.
struct RuleField {
  std::string name;
  schema::Type type;
  const std::vector<Spelled>* domain;
};

inline const std::vector<Spelled>& Texts() {  // in the order of their bytes
  static const std::vector<Spelled> kTexts = {{R"("")", "''"},
                                              {R"("A\"b")", "'A\"b'"},
                                              {R"("Ann")", "'Ann'"},
                                              {R"("ann")", "'ann'"},
                                              {R"("ann'x")", "'ann''x'"},
                                              {R"("b\\\u0001")", "'b\\\x01'"},
                                              {R"("\u00c4nn")", "'Änn'"},
                                              {R"("änn")", "'änn'"},
                                              {R"("\ud83d\ude00")", "'😀'"}};
  return kTexts;
}

inline const std::vector<Spelled>& Decimals() {
  static const std::vector<Spelled> kDecimals = {{"-100", "-1e2"},
                                                 {R"("-9.50")", "-9.5"},
                                                 {"-0.01", "-0.01"},
                                                 {R"("0.00")", "-0"},
                                                 {"9.5", "9.500"},
                                                 {R"("10")", "10.00"},
                                                 {"99999999.99", "99999999.99"}};
  return kDecimals;
}

inline const std::vector<RuleField>& RuleFields() {
  using schema::Kind;
  using schema::Type;
  static const std::vector<Spelled> kWholes = {
      {"-2147483648", "-2147483648"}, {"-1", "-1"}, {"0", "0"}, {"7", "7"}, {"10", "10"}};
  static const std::vector<Spelled> kFlags = {{"false", "false"}, {"true", "TRUE"}};
  static const std::vector<Spelled> kDoubles = {{"-1e300", "-1e300"}, {"-0.5", "-0.50"},
                                                {"0.0", "0"},         {"0.1", "0.1"},
                                                {"2", "2.0"},         {"10", "1e1"}};
  static const std::vector<Spelled> kDates = {{R"("0001-01-01")", "'0001-01-01'"},
                                              {R"("1969-12-31")", "'1969-12-31'"},
                                              {R"("2020-02-29")", "'2020-02-29'"}};
  static const std::vector<Spelled> kTimes = {
      {R"("1969-12-31T23:59:59.5Z")", "'1970-01-01 00:59:59.5+01:00'"},
      {R"("2020-02-29T10:00:00Z")", "'2020-02-29T10:00:00.000Z'"},
      {R"("2020-02-29T11:00:00.000001+01:00")", "'2020-02-29T10:00:00.000001Z'"}};
  static const std::vector<Spelled> kUuids = {
      {R"("018bcfe5-0000-7000-8000-000000000001")",
       "'018BCFE5-0000-7000-8000-000000000001'"},
      {R"("F18BCFE5-0000-7000-8000-000000000001")",
       "'f18bcfe5-0000-7000-8000-000000000001'"}};
  static const std::vector<RuleField> kFields = {
      {"owner", Type::Simple(Kind::kText), &Texts()},
      {"editor", Type::Simple(Kind::kText), &Texts()},
      {"amount", Type::Decimal(10, 2), &Decimals()},
      {"paid", Type::Decimal(20, 2), &Decimals()},
      {"count", Type::Simple(Kind::kInteger), &kWholes},
      {"total", Type::Simple(Kind::kBigint), &kWholes},
      {"gift", Type::Simple(Kind::kBoolean), &kFlags},
      {"weight", Type::Simple(Kind::kDouble), &kDoubles},
      {"due", Type::Simple(Kind::kDate), &kDates},
      {"seen", Type::Simple(Kind::kTimestamp), &kTimes},
      {"uid", Type::Simple(Kind::kUuid), &kUuids}};
  return kFields;
}

/// The place of each field's value; nullopt: null.
using Places = std::vector<std::optional<int>>;

/// What a test says: nullopt is SQL's null.
using Truth = std::optional<bool>;

inline Truth Not(Truth a) { return a ? Truth(!*a) : a; }
inline Truth And(Truth a, Truth b) {
  if ((a && !*a) || (b && !*b)) return false;
  return a && b ? Truth(true) : std::nullopt;
}

struct RuleCase {
  std::string text;
  std::vector<Truth> truths;  ///< for each record
};

/// One random rule after another, each for its own random principal.
class RuleCases {
 public:
  RuleCases(const std::vector<Places>& records, unsigned seed)
      : records_(records), random_(seed) {}

  Principal NextPrincipal() {
    Principal who;
    user_ = owner_claim_ = count_claim_ = std::nullopt;
    role_.clear();
    gift_claim_ = std::nullopt;
    who.authenticated = Pick(4) != 0;
    if (!who.authenticated) return principal_ = who;
    // The first text is empty: for a user's id that is none.
    user_ = Pick(static_cast<int>(Texts().size()) - 1) + 1;
    who.user_id = Content(*user_);
    const char* const roles[] = {"", "admin", "Admin"};
    who.role = role_ = roles[Pick(3)];
    if (Pick(3) != 0) {
      owner_claim_ = Pick(static_cast<int>(Texts().size()));
      who.claims["owner"] = Content(*owner_claim_);
    }
    if (Pick(3) != 0) {
      count_claim_ = Pick(2) == 0 ? 2 : 3;
      who.claims["count"] = std::int64_t{*count_claim_ == 2 ? 0 : 7};
    }
    if (Pick(3) != 0) {
      gift_claim_ = Pick(2);
      who.claims["gift"] = *gift_claim_ == 1;
    }
    return principal_ = who;
  }

  RuleCase Next() { return Make(3); }

 private:
  int Pick(int below) {
    return static_cast<int>(random_() % static_cast<unsigned>(below));
  }

  /// What a rule's spelling of a text stands for.
  static std::string Content(int place) {
    auto text = Texts()[static_cast<std::size_t>(place)].rule;
    text = text.substr(1, text.size() - 2);
    if (const auto twice = text.find("''"); twice != text.npos) text.erase(twice, 1);
    return text;
  }

  RuleCase Make(int depth) {
    if (depth == 0 || Pick(4) == 0) return Test();
    if (Pick(4) == 0) return Negated(Make(depth - 1));
    const bool all = Pick(2) == 0;
    auto out = Make(depth - 1);
    const auto count = 1 + Pick(2);
    for (int i = 0; i < count; ++i) {
      const auto next = Make(depth - 1);
      out.text = "(" + out.text + (all ? ") and (" : ") OR (") + next.text + ")";
      for (std::size_t r = 0; r < records_.size(); ++r) {
        const auto a = out.truths[r];
        const auto b = next.truths[r];
        out.truths[r] = all ? And(a, b) : Not(And(Not(a), Not(b)));
      }
    }
    return out;
  }

  static RuleCase Negated(RuleCase inner) {
    inner.text = "not (" + inner.text + ")";
    for (auto& truth : inner.truths) truth = Not(truth);
    return inner;
  }

  template <typename Tell>
  RuleCase Case(std::string text, Tell tell) const {
    RuleCase out{std::move(text), {}};
    for (const auto& record : records_) out.truths.push_back(tell(record));
    return out;
  }

  RuleCase Test() {
    switch (Pick(8)) {
      case 0:
        return Constant();
      case 1:
        return IsNull();
      case 2:
      case 3:
        return In();
      case 4:
        return Columns();
      case 5:
        return Claims();
      default:
        return Comparison();
    }
  }

  std::size_t AnyField() {
    return static_cast<std::size_t>(Pick(static_cast<int>(RuleFields().size())));
  }
  int AnyPlace(std::size_t field) {
    return Pick(static_cast<int>(RuleFields()[field].domain->size()));
  }

  struct Sign {
    std::string text;
    std::string mirrored;
    bool (*holds)(int, int);
  };
  const Sign& AnySign(std::size_t field) {
    static const Sign kSigns[] = {{"=", "=", [](int a, int b) { return a == b; }},
                                  {"<>", "!=", [](int a, int b) { return a != b; }},
                                  {"<", ">", [](int a, int b) { return a < b; }},
                                  {"<=", ">=", [](int a, int b) { return a <= b; }},
                                  {">", "<", [](int a, int b) { return a > b; }},
                                  {">=", "<=", [](int a, int b) { return a >= b; }}};
    const bool flag = RuleFields()[field].type.kind == schema::Kind::kBoolean;
    return kSigns[Pick(flag ? 2 : 6)];
  }

  static Truth Compared(const Sign& sign, std::optional<int> a, std::optional<int> b) {
    return a && b ? Truth(sign.holds(*a, *b)) : std::nullopt;
  }

  RuleCase Comparison() {
    const auto field = AnyField();
    const auto place = AnyPlace(field);
    const auto& sign = AnySign(field);
    const auto& [name, type, domain] = RuleFields()[field];
    const auto& literal = (*domain)[static_cast<std::size_t>(place)].rule;
    auto text = Pick(4) == 0 ? literal + " " + sign.mirrored + " " + name
                             : name + sign.text + literal;
    return Case(std::move(text), [&](const Places& record) {
      return Compared(sign, record[field], place);
    });
  }

  RuleCase Columns() {
    const auto field = static_cast<std::size_t>(Pick(3)) * 2;  // the pairs stand first
    const auto& sign = AnySign(field);
    return Case(
        RuleFields()[field].name + " " + sign.text + " " + RuleFields()[field + 1].name,
        [&](const Places& record) {
          return Compared(sign, record[field], record[field + 1]);
        });
  }

  RuleCase IsNull() {
    const auto field = AnyField();
    return Case(RuleFields()[field].name + " IS NULL",
                [&](const Places& record) { return Truth(!record[field]); });
  }

  RuleCase In() {
    if (Pick(4) == 0) return InColumns();
    const auto field = AnyField();
    const auto& [name, type, domain] = RuleFields()[field];
    std::vector<std::optional<int>> places;
    std::string list;
    for (int i = Pick(4); i >= 0; --i) {
      places.emplace_back(AnyPlace(field));
      list += (list.empty() ? "" : ", ") +
              (*domain)[static_cast<std::size_t>(*places.back())].rule;
    }
    if (field < 2 && Pick(2) == 0) {
      places.push_back(user_);
      list += ",auth.user_id";
    }
    auto out = Case(name + " in (" + list + ")",
                    [&](const Places& record) { return Found(record[field], places); });
    if (Pick(2) == 0) return out;
    out.text = name + " not in (" + list + ")";
    for (auto& truth : out.truths) truth = Not(truth);
    return out;
  }

  static Truth Found(std::optional<int> value,
                     const std::vector<std::optional<int>>& among) {
    if (!value) return std::nullopt;
    if (std::ranges::find(among, value) != among.end()) return true;
    return std::ranges::find(among, std::optional<int>()) == among.end() ? Truth(false)
                                                                         : std::nullopt;
  }

  RuleCase InColumns() {
    return Case("auth.user_id in (owner, editor)", [&](const Places& record) {
      return Found(user_, {record[0], record[1]});
    });
  }

  RuleCase Claims() {
    const auto compared = [&](std::size_t field, const std::string& name,
                              std::optional<int> value) {
      const auto& sign = AnySign(field);
      return Case(
          RuleFields()[field].name + " " + sign.text + " " + name,
          [&](const Places& record) { return Compared(sign, record[field], value); });
    };
    switch (Pick(5)) {
      case 0:
        return compared(0, "auth.user_id", user_);
      case 1:
        return compared(1, "auth.claims.owner", owner_claim_);
      case 2:
        return compared(4, "auth.claims.count", count_claim_);
      case 3:
        return compared(6, "auth.claims.gift", gift_claim_);
      default:  // of no form that the field has
        return compared(8, "auth.claims.owner", std::nullopt);
    }
  }

  RuleCase Constant() {
    const auto always = [&](std::string text, Truth truth) {
      return Case(std::move(text), [&](const Places&) { return truth; });
    };
    const auto is_admin = role_.empty() ? std::nullopt : Truth(role_ == "admin");
    switch (Pick(6)) {
      case 0:
        return always("true", true);
      case 1:
        return always("False", false);
      case 2:
        return always("auth.authenticated", principal_.authenticated);
      case 3:
        return always("auth.role = 'admin'", is_admin);
      case 4:
        return always("auth.claims.gift",
                      gift_claim_ ? Truth(*gift_claim_ == 1) : std::nullopt);
      default:
        return always("auth.claims.count > 3.5",
                      count_claim_ ? Truth(*count_claim_ == 3) : std::nullopt);
    }
  }

  const std::vector<Places>& records_;
  std::mt19937 random_;
  Principal principal_;
  std::optional<int> user_, owner_claim_, count_claim_, gift_claim_;
  std::string role_;
};

}  // namespace millrace::query::cases
