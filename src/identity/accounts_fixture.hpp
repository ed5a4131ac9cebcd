#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "identity/account_admin.hpp"
#include "identity/accounts.hpp"
#include "identity/authenticator.hpp"
#include "project/users.hpp"
#include "records_embedded/embedded_records.hpp"
#include "test_clock.hpp"

namespace millrace::identity {
/// A store that can be out of reach for a while.
class FailingRecords final : public records::RecordStore {
 public:
  explicit FailingRecords(records::RecordStore& store) : store_(store) {}

  void Submit(records::WriteRequest request) override {
    store_.Submit(std::move(request));
  }
  Result<records::Stored> Get(const std::string& tenant, const std::string& collection,
                              const std::string& key) override {
    if (fails) return Fail(ErrorCode::kUnavailable, "out of reach");
    return store_.Get(tenant, collection, key);
  }
  Result<records::Page> List(const std::string& tenant, const std::string& collection,
                             const query::Query& query, Deadline deadline) override {
    return store_.List(tenant, collection, query, deadline);
  }
  Result<std::vector<records::KeyVersion>> ListVersions(
      const std::string& tenant, const std::string& collection, const query::Query& query,
      Version after, Version upto, std::uint32_t max, Deadline deadline) override {
    return store_.ListVersions(tenant, collection, query, after, upto, max, deadline);
  }
  Result<Position> Scan(const std::string& collection,
                        const records::ScanEach& each) override {
    return store_.Scan(collection, each);
  }
  Result<std::vector<records::HistorySum>> Sums() override { return store_.Sums(); }

  std::atomic<bool> fails = false;

 private:
  records::RecordStore& store_;
};

/// Accounts of a project whose users have a name, over a directory.
class AccountsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto name = (std::filesystem::temp_directory_path() / "accounts_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    Start();
  }
  void TearDown() override {
    Stop();
    std::filesystem::remove_all(directory_);
  }
  void Start() {
    auto users = project::Users();
    users.fields.push_back(
        {.name = "name", .type = schema::Type::Simple(schema::Kind::kText)});
    records::EmbeddedRecordsOptions records;
    records.directory = directory_;
    records.collections = {users};
    store_ = *records::EmbeddedRecords::Open(std::move(records));
    db_ = *IdentityDb::Open(directory_);
    credentials_ = std::make_unique<Credentials>(*db_, clock_);
    sessions_ = *Sessions::Open(*db_, clock_, {.token_lifetime_s = lifetime_s_});
    keys_ = *SigningKeys::Open(*db_, clock_, lifetime_s_);
    tokens_ = std::make_unique<AccessTokens>(
        *keys_, clock_, AccessTokenOptions{"issuer", "shop", lifetime_s_});
    api_keys_ = *ApiKeys::Open(*db_, clock_);
    who_ = std::make_unique<Authenticator>(*tokens_, *sessions_, *api_keys_,
                                           Stores().exists, clock_);
    AccountOptions options;
    options.collection = users;
    options.clock = &clock_;
    failing_ = std::make_unique<FailingRecords>(*store_);
    const AccountParts parts{*failing_, *credentials_, *sessions_, *tokens_, log_};
    accounts_ = *Accounts::Open(parts, options);
    admin_ = std::make_unique<AccountAdmin>(parts, Stores(), *api_keys_, *keys_, users);
  }
  TokenStores Stores() const {
    return {*tokens_, *sessions_, *api_keys_,
            [this](const std::string& id) { return HasUser(*store_, id); }};
  }
  void Stop() {
    admin_.reset();
    accounts_.reset();
    who_.reset();
    api_keys_.reset();
    tokens_.reset();
    keys_.reset();
    sessions_.reset();
    credentials_.reset();
    db_.reset();
    failing_.reset();
    store_.reset();
  }
  void Restart() {
    Stop();
    Start();
  }

  template <typename Call>
  static Result<std::string> Wait(Call call) {
    std::promise<Result<std::string>> promise;
    auto future = promise.get_future();
    call(
        [&promise](Result<std::string> answer) { promise.set_value(std::move(answer)); });
    return future.get();
  }
  Result<std::string> SignUp(const std::string& body) {
    return Wait([&](Done done) { accounts_->SignUp(body, client_, std::move(done)); });
  }
  Result<std::string> LogIn(const std::string& email,
                            const std::string& password = "password1") {
    return Wait([&](Done done) {
      accounts_->LogIn(R"({"email":")" + email + R"(","password":")" + password + "\"}",
                       client_, std::move(done));
    });
  }
  Result<std::string> Refresh(const std::string& token) {
    return Wait([&](Done done) {
      accounts_->Refresh(R"({"refresh_token":")" + token + "\"}", client_,
                         std::move(done));
    });
  }
  static std::string Member(const std::string& json, std::string_view name) {
    return schema::TextOf(schema::FindMember(json, name));
  }
  std::string Ada() {
    const auto grant = SignUp(R"({"email":"Ada@Example.com","password":"password1"})");
    EXPECT_TRUE(grant) << grant.error().ToString();
    return grant.value_or("{}");
  }
  /// Of a grant.
  static std::string UserId(const std::string& grant) {
    return Member(std::string(schema::FindMember(grant, "user")), "id");
  }
  /// The record alone, as a rule may let somebody.
  void Delete(const std::string& id) {
    std::promise<void> gone;
    records::WriteRequest write;
    write.collection = "users";
    write.ops.push_back({id, records::Delete{}, records::Operation::kDelete, {}});
    write.render = [](const auto&) { return records::Answer{}; };
    write.done = [&](const records::Answer&, bool) { gone.set_value(); };
    store_->Submit(std::move(write));
    gone.get_future().wait();
  }
  ErrorCode CodeOf(std::string_view token) {
    const auto who = who_->Check(token);
    return who ? ErrorCode::kInternal : who.error().code();
  }

  TestClock clock_;
  std::int64_t lifetime_s_ = 600;  ///< of access tokens, from the next Start
  Client client_{"192.0.2.1", "test"};
  std::filesystem::path directory_;
  telemetry::Logger log_{{.level = telemetry::Level::kError}};
  std::unique_ptr<records::EmbeddedRecords> store_;
  std::unique_ptr<FailingRecords> failing_;  ///< what accounts have of it
  std::unique_ptr<IdentityDb> db_;
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<SigningKeys> keys_;
  std::unique_ptr<AccessTokens> tokens_;
  std::unique_ptr<ApiKeys> api_keys_;
  std::unique_ptr<Authenticator> who_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<AccountAdmin> admin_;
};

}  // namespace millrace::identity
