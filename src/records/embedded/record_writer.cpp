#include "record_writer.hpp"

#include <algorithm>
#include <utility>

#include "change/limits.hpp"
#include "change/sums.hpp"

namespace millrace::records {
namespace {

/// More bad items of one batch are not told one by one.
constexpr std::size_t kMaxItemErrors = 100;
/// Generated keys that were taken already, before a create is refused.
constexpr int kKeyTries = 1'000;

/// The time a document says it was created at, kept by every later version.
TimestampUs CreatedAt(std::string_view document, const schema::Collection& collection,
                      TimestampUs otherwise) {
  const auto literal = schema::FindMember(document, collection.created_at);
  if (literal.size() < 2) return otherwise;
  const auto at = ParseTimestamp(literal.substr(1, literal.size() - 2));
  return at ? *at : otherwise;
}

bool Matches(const std::optional<std::string>& if_match, const Version& version) {
  if (!if_match || *if_match == "*") return true;
  const auto wanted = Version::Parse(*if_match);
  return wanted && *wanted == version;
}

std::string Names(const std::vector<std::string>& fields) {
  std::string out;
  for (const auto& field : fields) (out += out.empty() ? "" : ", ") += field;
  return out;
}

/// Names the operation, nothing of the rule or the record.
Status CheckWritten(const WriteRequest& request, std::string_view document,
                    std::string_view operation) {
  const auto& wanted = request.guard.written;
  if (!wanted || wanted->Matches(document)) return {};
  return Fail(ErrorCode::kPermissionDenied,
              "the access rule of " + std::string(operation) + " in " +
                  request.collection + " refuses this record");
}

/// What no log would take is not acknowledged. Before anything is written: see ApplyAll.
/// `before` may be of a time without this limit.
Status CheckSize(std::string_view before, std::string_view after) {
  using change::kMaxDocumentBytes;
  if (after.size() <= kMaxDocumentBytes &&
      before.size() + after.size() <= 2 * kMaxDocumentBytes) {
    return {};
  }
  return Fail(ErrorCode::kTooLarge,
              "the record would have " + std::to_string(after.size()) +
                  " bytes as it is stored; it may have " +
                  std::to_string(kMaxDocumentBytes) +
                  ", and together with what it replaces twice as many");
}

/// Bad items of a batch, as one error of the first one's kind.
class ItemErrors {
 public:
  void Add(std::size_t item, Error error) {
    const auto pointer = "/" + std::to_string(item);
    if (error.fields().empty()) Name(pointer, error.message());
    for (const auto& field : error.fields()) Name(pointer + field.pointer, field.message);
    if (!first_) first_ = std::move(error);
  }
  bool empty() const { return !first_; }
  Error Take() && { return Error(first_->code(), first_->message(), std::move(fields_)); }

 private:
  void Name(std::string pointer, std::string message) {
    if (fields_.size() >= kMaxItemErrors) return;
    fields_.push_back({std::move(pointer), std::move(message)});
  }
  std::optional<Error> first_;
  std::vector<FieldError> fields_;
};

}  // namespace

Result<std::unique_ptr<RecordWriter>> RecordWriter::Open(
    Database& db, const std::vector<schema::Collection>& collections, std::string source,
    const Clock& clock) {
  MR_TRY(auto state, ReadStoreState(db));
  std::unique_ptr<RecordWriter> out(
      new RecordWriter(db.get(), std::move(source), clock, state));
  MR_CHECK_OK(out->Prepare(db, collections));
  return out;
}

RecordWriter::RecordWriter(sqlite3* db, std::string source, const Clock& clock,
                           StoreState state)
    : db_(db),
      source_(std::move(source)),
      clock_(clock),
      state_(state),
      committed_(state),
      keys_(clock, state.id_floor_ms) {}

Status RecordWriter::Prepare(Database& db,
                             const std::vector<schema::Collection>& collections) {
  for (const auto& collection : collections) {
    MR_TRY(auto table, RecordTable::Prepare(db, collection));
    MR_TRY(const auto state, ReadCollectionState(db, collection.name));
    targets_.emplace(collection.name, Target{.codec = schema::RecordCodec(collection),
                                             .table = std::move(table),
                                             .state = state,
                                             .committed = state});
  }
  MR_TRY(change_table_, ChangeTable::Prepare(db));
  MR_TRY(state_tables_, StateTables::Prepare(db));
  MR_TRY(savepoint_, db.Prepare("SAVEPOINT request"));
  MR_TRY(release_, db.Prepare("RELEASE request"));
  MR_TRY(rollback_to_, db.Prepare("ROLLBACK TO request"));
  return {};
}

void RecordWriter::Begin() {
  fault_.reset();
  state_.time_floor = std::max(state_.time_floor, clock_.Now());
}

Result<std::vector<Written>> RecordWriter::Apply(WriteRequest& request) {
  const auto at = targets_.find(request.collection);
  if (at == targets_.end()) {
    return Fail(ErrorCode::kNotFound, "no collection '" + request.collection + "'");
  }
  if (request.ops.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "nothing to write");
  }
  auto& target = at->second;
  const auto state = state_;
  const auto target_state = target.state;
  const auto mark = changes_.mark();
  auto written = ApplyAll(target, request);
  if (!written) {
    state_ = state;
    // A generated key that was taken is not the next one's again.
    const auto sequence = target.state.sequence;
    target.state = target_state;
    target.state.sequence = sequence;
    changes_.BackTo(mark);
  }
  return written;
}

Result<std::vector<Written>> RecordWriter::ApplyAll(Target& target,
                                                    WriteRequest& request) {
  std::vector<Written> out;
  // A single op fails before it writes anything: no savepoint, which would cost a copy of
  // each page it touches.
  if (request.ops.size() == 1) {
    MR_TRY(auto written, ApplyOne(target, request, request.ops.front()));
    out.push_back(std::move(written));
    return out;
  }
  if (savepoint_.Run() != SQLITE_DONE) return Fault("begin a batch");
  out.reserve(request.ops.size());
  ItemErrors errors;
  for (std::size_t i = 0; i < request.ops.size(); ++i) {
    auto written = ApplyOne(target, request, request.ops[i]);
    if (fault_) return Fail(*fault_);
    if (!written) {
      errors.Add(i, std::move(written).error());
    } else if (errors.empty()) {
      out.push_back(std::move(*written));
    }
  }
  if (!errors.empty() && rollback_to_.Run() != SQLITE_DONE) return Fault("undo a batch");
  if (release_.Run() != SQLITE_DONE) return Fault("end a batch");
  if (!errors.empty()) return Fail(std::move(errors).Take());
  return out;
}

Result<Written> RecordWriter::ApplyOne(Target& target, const WriteRequest& request,
                                       WriteOp& op) {
  const bool draft = std::holds_alternative<schema::Draft>(op.body);
  if (draft && op.operation == Operation::kInsert) return Insert(target, request, op);
  return Alter(target, request, op);
}

Result<Written> RecordWriter::Insert(Target& target, const WriteRequest& request,
                                     const WriteOp& op) {
  const auto& draft = std::get<schema::Draft>(op.body);
  const auto& collection = target.codec.collection();
  Written out{.key = op.key.empty() ? draft.key : op.key,
              .version = NextVersion(),
              .document = {}};
  const bool generated = out.key.empty();
  if (!generated) KeySource::Seen(collection, out.key, target.state);
  auto outcome = RecordTable::Outcome::kKeyTaken;
  for (int tries = 0; outcome == RecordTable::Outcome::kKeyTaken; ++tries) {
    if (tries > 0 && (!generated || tries == kKeyTries)) break;
    if (generated) {
      MR_TRY(out.key, keys_.Next(collection, target.state));
    }
    out.document = target.codec.Finish(draft, out.key, now(), now(), out.version);
    MR_CHECK_OK(CheckSize({}, out.document));
    MR_CHECK_OK(CheckWritten(request, out.document, "create"));
    outcome = target.table.Insert(request.tenant, out.key, out.version, out.document);
  }
  MR_CHECK_OK(Check(target, outcome));
  Log(target, {.position = {out.version.epoch, out.version.position},
               .version = out.version,
               .operation = Operation::kInsert,
               .committed_at = now(),
               .tenant = request.tenant,
               .collection = collection.name,
               .key = out.key,
               .before = {},
               .after = out.document});
  return out;
}

Result<Written> RecordWriter::Alter(Target& target, const WriteRequest& request,
                                    WriteOp& op) {
  bool failed = false;
  auto found = target.table.Find(request.tenant, op.key, failed);
  if (failed) return Fault("find a record");
  const auto& seen = request.guard.stored;
  if (!found || (seen && !seen->Matches(found->document))) {
    return Fail(NoRecord(request.collection, op.key));
  }
  if (!Matches(op.if_match, found->version)) {
    return Fail(ErrorCode::kPreconditionFailed,
                "the record has version " + found->version.ToHex());
  }
  const bool removal = std::holds_alternative<Delete>(op.body);
  Written out{.key = op.key, .version = NextVersion(), .document = {}};
  Change change{.position = {out.version.epoch, out.version.position},
                .version = out.version,
                .operation = removal ? Operation::kDelete : Operation::kReplace,
                .committed_at = now(),
                .tenant = request.tenant,
                .collection = target.codec.collection().name,
                .key = out.key,
                .before = found->document,
                .after = {}};
  if (removal) {
    MR_CHECK_OK(Check(target, target.table.Delete(found->row)));
    Log(target, change);
    out.document = std::move(found->document);
    return out;
  }
  if (std::holds_alternative<schema::Patch>(op.body)) {
    change.operation = Operation::kUpdate;
  }
  MR_TRY(out.document, NewDocument(target, op, *found, out.version));
  MR_CHECK_OK(CheckSize(found->document, out.document));
  MR_CHECK_OK(CheckWritten(request, out.document, "update"));
  change.after = out.document;
  MR_CHECK_OK(Check(target, target.table.Update(found->row, out.version, out.document)));
  Log(target, change);
  return out;
}

Result<std::string> RecordWriter::NewDocument(Target& target, const WriteOp& op,
                                              const RecordTable::Found& found,
                                              const Version& version) const {
  const auto created_at = CreatedAt(found.document, target.codec.collection(), now());
  const auto* patch = std::get_if<schema::Patch>(&op.body);
  if (patch == nullptr) {
    return target.codec.Finish(std::get<schema::Draft>(op.body), op.key, created_at,
                               now(), version);
  }
  schema::Draft patched{.key = op.key, .json = {}};
  MR_TRY(patched.json, target.codec.Apply(found.document, *patch));
  return target.codec.Finish(patched, op.key, created_at, now(), version);
}

Status RecordWriter::Check(Target& target, RecordTable::Outcome outcome) {
  using Outcome = RecordTable::Outcome;
  const auto& key = target.codec.collection().key;
  switch (outcome) {
    case Outcome::kDone:
      return {};
    case Outcome::kKeyTaken:
      return Fail(Error(ErrorCode::kConflict, "a record with this key exists",
                        {{"/" + key, "a record with this key exists"}}));
    case Outcome::kBadKey:
      return Fail(Error(ErrorCode::kInvalidArgument, "not a key of this collection",
                        {{"/" + key, "expected an integer"}}));
    case Outcome::kNotUnique: {
      const auto& fields = target.table.violated();
      const auto message = "another record has the same " + Names(fields);
      std::vector<FieldError> errors;
      for (const auto& field : fields) errors.push_back({"/" + field, message});
      return Fail(Error(ErrorCode::kConflict, message, std::move(errors)));
    }
    case Outcome::kFailed:
      break;
  }
  return Fault("write a record");
}

void RecordWriter::Log(Target& target, const Change& change) {
  change::Sum sum{target.state.changes, target.state.hash};
  sum.AddChange(source_, change.version,
                change.after.empty() ? change.before : change.after);
  target.state.changes = sum.rows;
  target.state.hash = sum.hash;
  changes_.Add(change);
  ++state_.next_seq;
}

bool RecordWriter::Save() {
  if (!change_table_.Insert(changes_.View())) {
    return static_cast<void>(Fault("write the changes")), false;
  }
  for (const auto& [name, target] : targets_) {
    if (target.state == target.committed) continue;
    if (!Mark(name, target) || !state_tables_.Save(name, target.state)) {
      return static_cast<void>(Fault("save the sums")), false;
    }
  }
  state_.id_floor_ms = std::max(state_.id_floor_ms, keys_.floor_ms());
  // A group that only refused or repeated answers writes nothing.
  auto unwritten = committed_;
  unwritten.time_floor = state_.time_floor;
  if (state_ == unwritten || state_tables_.Save(state_)) return true;
  return static_cast<void>(Fault("save the state")), false;
}

/// Before the first change of a minute: so that changes can be compared by time, at no
/// cost for all commits but one a minute.
bool RecordWriter::Mark(const std::string& name, const Target& target) {
  const auto minute = now() / kSumSliceUs;
  if (target.minute == minute || target.state.changes == target.committed.changes) {
    return true;
  }
  return state_tables_.Mark(name, minute, target.committed, committed_.next_seq - 1);
}

bool RecordWriter::Trim(std::uint64_t upto, std::uint64_t max_rows) {
  const auto last = std::min({upto, committed_.next_seq - 1, state_.trimmed + max_rows});
  if (last <= state_.trimmed) return true;
  if (!change_table_.DeleteUpTo(last)) {
    return static_cast<void>(Fault("trim the changes")), false;
  }
  state_.trimmed = last;
  return true;
}

ChangeBatch RecordWriter::Committed() {
  committed_ = state_;
  for (auto& [name, target] : targets_) {
    if (target.committed.changes != target.state.changes) {
      target.minute = now() / kSumSliceUs;
    }
    target.committed = target.state;
  }
  return changes_.Take();
}

void RecordWriter::RolledBack() {
  state_ = committed_;
  for (auto& [name, target] : targets_) target.state = target.committed;
  changes_.BackTo({});
}

std::unexpected<Error> RecordWriter::Fault(std::string_view action) {
  if (!fault_) fault_ = SqliteError(db_, action);
  return Fail(*fault_);
}

}  // namespace millrace::records
