#include "config/config.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

namespace millrace::config {
namespace {

using namespace literals;
using namespace std::chrono_literals;
using testing::ElementsAre;

enum class OnFull : std::uint8_t { kRefuse, kTrim };

struct StoreConfig {
  std::uint16_t port = 8080;
  std::string address = "127.0.0.1";
  Bytes limit = 8_MiB;
  std::optional<Bytes> max_bytes;
  std::chrono::milliseconds idle = 60s;
  double ratio = 0.25;
  bool strict = true;
  OnFull on_full = OnFull::kRefuse;
  Secret password;

  static auto Fields() {
    using C = StoreConfig;
    return std::tuple{
        Field{"port", &C::port, "where it listens"},
        Field{"address", &C::address, "whom it listens to"},
        Field{"limit", &C::limit, "largest body", Within{1_KiB, 1_GiB}},
        Field{"max_bytes", &C::max_bytes, "then on_full decides", Within{2_MiB, 1_GiB}},
        Field{"idle", &C::idle, "then a connection is closed", Within{100ms, 1h}},
        Field{"ratio", &C::ratio, "delta to base", Within{0.01, 1}},
        Field{"strict", &C::strict, "refuse | warn"},
        Field{"on_full", &C::on_full, "at max_bytes",
              Choices<OnFull>{{"refuse", OnFull::kRefuse}, {"trim", OnFull::kTrim}}},
        Field{"password", &C::password, "for the server"}};
  }
  Status Validate() const {
    if (!max_bytes || *max_bytes > limit) return {};
    return Fail(ErrorCode::kInvalidArgument, "max_bytes must be over limit");
  }
};

GivenMap FromFile(std::string key, std::string value) {
  return {{std::move(key), {std::move(value), "millrace.yaml:4:9"}}};
}

std::vector<std::string> ProblemsOf(Sources sources) {
  Loader loader(std::move(sources));
  static_cast<void>(loader.Read<StoreConfig>("store"));
  auto settings = loader.Finish();
  return settings ? std::vector<std::string>{} : settings.error();
}

TEST(Loader, TakesDefaultsFromTheStruct) {
  Loader loader({});
  const auto config = loader.Read<StoreConfig>("store");
  EXPECT_EQ(config.port, 8080);
  EXPECT_EQ(config.limit, 8_MiB);
  const auto settings = loader.Finish();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->front().key, "store.port");
  EXPECT_EQ(settings->front().origin, Origin::kDefault);
}

TEST(Loader, ReadsEveryType) {
  Sources sources;
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"port", "9000"},
                                          {"address", "::1"},
                                          {"limit", "64KiB"},
                                          {"max_bytes", "3MiB"},
                                          {"idle", "250ms"},
                                          {"ratio", "0.5"},
                                          {"strict", "false"},
                                          {"on_full", "trim"},
                                          {"password", "hush"}})
    sources.file["store." + key] = {value, "f"};
  Loader loader(sources);
  const auto config = loader.Read<StoreConfig>("store");
  ASSERT_TRUE(loader.Finish());
  EXPECT_EQ(config.port, 9000);
  EXPECT_EQ(config.address, "::1");
  EXPECT_EQ(config.limit, 64_KiB);
  EXPECT_EQ(config.max_bytes, 3_MiB);
  EXPECT_EQ(config.idle, 250ms);
  EXPECT_EQ(config.ratio, 0.5);
  EXPECT_FALSE(config.strict);
  EXPECT_EQ(config.on_full, OnFull::kTrim);
  EXPECT_EQ(config.password.value, "hush");
}

TEST(Loader, PrefersFlagsThenEnvironmentThenFile) {
  struct Case {
    std::string_view name;
    bool file, environment, flag;
    std::uint16_t port;
    Origin origin;
  };
  constexpr Case kCases[] = {
      {"nothing given", false, false, false, 8080, Origin::kDefault},
      {"file", true, false, false, 1, Origin::kFile},
      {"environment over file", true, true, false, 2, Origin::kEnvironment},
      {"flag over both", true, true, true, 3, Origin::kFlag},
      {"flag alone", false, false, true, 3, Origin::kFlag},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    Sources sources;
    if (c.file) sources.file = FromFile("store.port", "1");
    if (c.environment)
      sources.environment = {{"store.port", {"2", "MILLRACE__STORE__PORT"}}};
    if (c.flag) sources.flags = {{"store.port", {"3", "--set"}}};
    Loader loader(sources);
    EXPECT_EQ(loader.Read<StoreConfig>("store").port, c.port);
    const auto settings = loader.Finish();
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->front().origin, c.origin);
  }
}

TEST(Loader, RefusesWhatDoesNotFit) {
  struct Case {
    std::string name, key, value, problem;
  };
  const Case cases[] = {
      {"text for a number", "port", "eighty",
       "expected whole number; got 'eighty': write a whole number, such as 8080"},
      {"a number the type cannot hold", "port", "65536",
       "expected whole number; got '65536': the number is out of range"},
      {"a negative number", "port", "-1",
       "expected whole number; got '-1': the number is out of range"},
      {"a size without bounds", "limit", "8",
       "expected size, 1KiB to 1GiB; got '8': outside the bounds"},
      {"an unknown unit", "limit", "8MB",
       "expected size, 1KiB to 1GiB; got '8MB': '8MB' needs a unit: write a size as "
       "512 (bytes), 64KiB, "
       "8MiB, "
       "1GiB or 1TiB"},
      {"an optional outside its bounds", "max_bytes", "1KiB",
       "expected size, 2MiB to 1GiB, or none; got '1KiB': outside the bounds"},
      {"a duration without unit", "idle", "60",
       "expected duration, 100ms to 1h; got '60': '60' needs a unit: write a duration "
       "as 50ms, 60s, 5m, "
       "24h or "
       "7d"},
      {"not finite", "ratio", "nan",
       "expected number, 0.01 to 1; got 'nan': write a finite number, such as 0.25"},
      {"yes for true", "strict", "yes",
       "expected true or false; got 'yes': write true or false"},
      {"a near choice", "on_full", "refuze",
       "expected refuse or trim; got 'refuze': did you mean refuse?"},
      {"no choice", "on_full", "explode",
       "expected refuse or trim; got 'explode': not one of these"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(ProblemsOf({.file = FromFile("store." + c.key, c.value)}),
                ElementsAre("millrace.yaml:4:9: store." + c.key + ": " + c.problem));
  }
}

TEST(Loader, RefusesUnknownKeysOfEverySource) {
  Sources sources;
  sources.file = FromFile("store.prot", "1");
  sources.environment = {{"other.thing", {"1", "MILLRACE__OTHER__THING"}}};
  sources.flags = {{"store.limits", {"1", "--set"}}};
  EXPECT_THAT(
      ProblemsOf(sources),
      ElementsAre(
          "--set: there is no setting store.limits; did you mean store.limit?",
          "MILLRACE__OTHER__THING: there is no setting other.thing; `millrace config` "
          "lists those that exist",
          "millrace.yaml:4:9: there is no setting store.prot; did you mean store.port?"));
}

TEST(Loader, AsksTheStructOnceItsFieldsAreRight) {
  EXPECT_THAT(ProblemsOf({.file = FromFile("store.max_bytes", "4MiB")}),
              ElementsAre("store: max_bytes must be over limit"));
}

class SecretFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "config_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
  }
  std::filesystem::path directory_;
};

TEST_F(SecretFile, GivesItsTextWithoutTheLineEnd) {
  Write("password", "hush\n");
  Sources sources;
  sources.file = FromFile("store.password_file", "password");
  sources.file_directory = directory_;
  Loader loader(sources);
  EXPECT_EQ(loader.Read<StoreConfig>("store").password.value, "hush");
  const auto settings = loader.Finish();
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->back().value, "***");
  EXPECT_EQ(PrintText(*settings).find("hush"), std::string::npos);
  EXPECT_EQ(PrintJson(*settings).find("hush"), std::string::npos);
}

TEST_F(SecretFile, IsRefusedWhenAbsentEmptyOrDoubled) {
  Write("empty", "\n");
  const auto problems = [&](const std::string& name, bool both) {
    Sources sources;
    sources.file = FromFile("store.password_file", name);
    if (both) sources.file["store.password"] = {"x", "millrace.yaml:5:9"};
    sources.file_directory = directory_;
    return testing::PrintToString(ProblemsOf(sources));
  };
  EXPECT_THAT(problems("absent", false), testing::HasSubstr("absent"));
  EXPECT_THAT(problems("empty", false), testing::HasSubstr("empty is empty"));
  EXPECT_THAT(problems("empty", true),
              testing::HasSubstr("store.password_file: store.password is given, too"));
}

TEST(Environment, GivesTheNamesOfTheFile) {
  const char* const entries[] = {"HOME=/root", "MILLRACE__HTTP__BODY_LIMIT=1MiB",
                                 "MILLRACE_FAILPOINT=x", "MILLRACE__LAKE__A=", nullptr};
  const auto given = ReadEnvironment(entries);
  ASSERT_EQ(given.size(), 2U);
  EXPECT_EQ(given.at("http.body_limit").value, "1MiB");
  EXPECT_EQ(given.at("http.body_limit").origin, "MILLRACE__HTTP__BODY_LIMIT");
  EXPECT_EQ(given.at("lake.a").value, "");
}

TEST(AddFlag, ReadsOneSetting) {
  GivenMap flags;
  ASSERT_TRUE(AddFlag("http.port=1", flags));
  ASSERT_TRUE(AddFlag("http.port=a=b", flags));
  EXPECT_EQ(flags.at("http.port").value, "a=b");
  EXPECT_FALSE(AddFlag("http.port", flags));
  EXPECT_FALSE(AddFlag("port=1", flags));
}

TEST(Print, ShowsValueAndOrigin) {
  Loader loader({.file = FromFile("store.limit", "1MiB")});
  static_cast<void>(loader.Read<StoreConfig>("store"));
  auto settings = loader.Finish();
  ASSERT_TRUE(settings);
  settings->resize(3);
  EXPECT_EQ(PrintText(*settings),
            "store.port     8080       default\n"
            "store.address  127.0.0.1  default\n"
            "store.limit    1MiB       file (millrace.yaml:4:9)\n");
  const std::span<const Setting> third(&settings->at(2), 1);
  EXPECT_EQ(PrintJson(third),
            R"([{"key":"store.limit","value":"1MiB","default":"8MiB","origin":"file",)"
            R"("where":"millrace.yaml:4:9"}])");
  EXPECT_THAT(
      PrintReference(third),
      testing::AllOf(
          testing::StartsWith("# Settings\n"),
          testing::EndsWith(
              "\n## store\n\n| setting | default | expected | what it is for |\n"
              "|---|---|---|---|\n"
              "| `store.limit`<br>`MILLRACE__STORE__LIMIT` | `8MiB` | size, 1KiB to "
              "1GiB | largest body |\n")));
}

TEST(Value, PrintsWhatItReads) {
  for (const std::uint64_t bytes :
       {0ULL, 1ULL, 1023ULL, 1024ULL, 8ULL << 20U, 3ULL << 40U})
    EXPECT_EQ(Value<Bytes>::Read(Value<Bytes>::Print({bytes})), Bytes{bytes});
  for (const std::int64_t ms : {0, 1, 999, 1000, 90'000, 86'400'000}) {
    const std::chrono::milliseconds time(ms);
    EXPECT_EQ(Value<std::chrono::milliseconds>::Read(
                  Value<std::chrono::milliseconds>::Print(time)),
              time);
  }
}

}  // namespace
}  // namespace millrace::config
