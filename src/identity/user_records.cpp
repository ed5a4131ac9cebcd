#include "user_records.hpp"

#include <future>
#include <memory>
#include <utility>

#include "base/json.hpp"
#include "base/json_member.hpp"
#include "identity/accounts.hpp"

namespace millrace::identity {
namespace {

constexpr std::chrono::milliseconds kReadDeadline{4'000};

}  // namespace

std::string TextOfMember(std::string_view document, std::string_view name) {
  return schema::TextOf(schema::FindMember(document, name));
}

Result<bool> HasUser(records::RecordStore& store, const std::string& id) {
  const auto user = store.Get("", "users", id);
  if (user) return true;
  if (user.error().code() == ErrorCode::kNotFound) return false;
  return Fail(user.error());
}

UserRecords::UserRecords(records::RecordStore& store, schema::Collection collection,
                         const Clock& clock)
    : store_(store), codec_(std::move(collection)), ids_(clock, 0) {}

Result<std::string> UserRecords::Get(const std::string& id) {
  MR_TRY(auto stored, store_.Get("", codec_.collection().name, id));
  return std::move(stored.document);
}

Result<std::optional<std::string>> UserRecords::ByEmail(const std::string& email) {
  const auto& users = codec_.collection();
  query::Query query;
  std::string literal;
  AppendJsonString(literal, email);
  query.filters.push_back({*users.Find("email"), query::Op::kEq, false, {literal}});
  query.order.push_back({*users.Find("id"), false});
  query.limit = 1;
  MR_TRY(const auto page,
         store_.List("", users.name, query, Deadline::After(kReadDeadline)));
  if (page.documents.empty()) return std::nullopt;
  return page.documents.front();
}

Result<NewUser> UserRecords::New(std::string_view email, std::string_view others) {
  NewUser user;
  {
    const std::scoped_lock lock(mutex_);
    AppendUuid(user.id, ids_.UuidV7());
  }
  user.body = "{";
  AppendMember(user.body, "id", user.id);
  AppendMember(user.body, "email", email);
  if (!others.empty()) user.body.append(",").append(others);
  user.body += '}';
  bool batch = false;
  user.body.reserve(user.body.size() + schema::kJsonPadding);
  MR_CHECK_OK(codec_.ParseCreates(user.body, 1, &batch));
  return user;
}

void UserRecords::Insert(std::string body, Done done) {
  bool batch = false;
  body.reserve(body.size() + schema::kJsonPadding);
  auto drafts = codec_.ParseCreates(body, 1, &batch);
  if (!drafts) return done(Fail(drafts.error()));
  auto outcome = std::make_shared<Result<std::string>>(
      Fail(ErrorCode::kInternal, "nothing was written"));
  records::WriteRequest write;
  write.collection = codec_.collection().name;
  auto& draft = drafts->front();
  write.ops.push_back({draft.key, std::move(draft), records::Operation::kInsert, {}});
  write.render = [outcome](const Result<std::vector<records::Written>>& written) {
    *outcome =
        written ? Result<std::string>(written->front().document) : Fail(written.error());
    return records::Answer{};
  };
  write.done = [outcome, kept = std::make_shared<Done>(std::move(done))](
                   const records::Answer&, bool) { (*kept)(std::move(*outcome)); };
  store_.Submit(std::move(write));
}

Result<std::string> UserRecords::InsertAndWait(std::string body) {
  std::promise<Result<std::string>> promise;
  auto outcome = promise.get_future();
  Insert(std::move(body), [&promise](Result<std::string> document) {
    promise.set_value(std::move(document));
  });
  return outcome.get();
}

Status UserRecords::Remove(const std::string& id) {
  std::promise<Status> promise;
  auto outcome = promise.get_future();
  Status status;
  records::WriteRequest write;
  write.collection = codec_.collection().name;
  write.ops.push_back({id, records::Delete{}, records::Operation::kDelete, {}});
  write.render = [&status](const Result<std::vector<records::Written>>& written) {
    if (!written) status = Fail(written.error());
    return records::Answer{};
  };
  write.done = [&](const records::Answer&, bool) { promise.set_value(status); };
  store_.Submit(std::move(write));
  return outcome.get();
}

}  // namespace millrace::identity
