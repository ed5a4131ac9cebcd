#include "lake/lake_writer.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/failpoint.hpp"
#include "lake_file.hpp"

namespace millrace::lake {
namespace {

constexpr std::size_t kCheckedFiles = 1000;
constexpr const char* kOutOfMemory = "Out of Memory";  ///< not: the disk is full
constexpr std::uint32_t kSmallestShare = 1u << 16u;
constexpr const char* kOffsetColumn = "_offset";

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return out;
}

/// Whether files with a column of the type `from` (as the engine names it) are read
/// together with those of the type `to`: the engine takes the wider one for all.
bool Widens(const std::string& from, const schema::Type& to) {
  if (from == to.ToSql()) return true;
  const auto type = schema::Type::Parse(Lower(from));  // INTEGER, DECIMAL(10,2), …
  return type && schema::Widens(*type, to);
}

Status CheckPath(std::string& path) {
  if (path.ends_with('/')) path.pop_back();
  MR_CHECK_OK(objects::CheckFolder(path));
  if (path.find_first_of("*?[]{}") == std::string::npos) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "lake path '" + path + "': * ? [ ] { } have a meaning for readers");
}

schema::Columns FileColumns(const LakeOptions& options) {
  auto columns = options.columns;
  const auto has = [](const auto& column) { return Lower(column.name) == kOffsetColumn; };
  if (options.offset_column && std::ranges::none_of(columns, has)) {
    columns.push_back({kOffsetColumn, schema::Type::Simple(schema::Kind::kBigint)});
  }
  return columns;
}

/// The newest files of a partition, the start file among them if all are.
std::vector<std::string> NamesToCheck(const std::vector<objects::ObjectInfo>& objects,
                                      std::uint32_t partition) {
  const std::string start = StartName(partition), prefix = NamePrefix(partition);
  std::vector<std::string> names;
  bool started = false;
  for (const auto& object : objects) {
    if (!IsLakeFile(object.name) || !object.name.starts_with(prefix)) continue;
    started |= object.name == start;
    if (object.name != start) names.push_back(object.name);
  }
  std::ranges::sort(names);
  const bool all = names.size() <= kCheckedFiles;
  if (!all) names.erase(names.begin(), names.end() - kCheckedFiles);
  if (all && started) names.push_back(start);
  return names;
}

/// The newest file of every other partition: columns and owner are the table's.
std::vector<std::string> NewestOfOthers(const std::vector<objects::ObjectInfo>& objects,
                                        std::uint32_t partition) {
  const std::size_t size = NamePrefix(partition).size();
  std::map<std::string, std::string> newest;
  for (const auto& object : objects) {
    if (!IsLakeFile(object.name) || object.name.size() <= size) continue;
    std::string& name = newest[object.name.substr(0, size)];
    // Digits come before "start", which is older than any of them.
    const bool start = name.substr(std::min(size, name.size())).starts_with('s');
    if (name.empty() || start || (object.name[size] != 's' && object.name > name)) {
      name = object.name;
    }
  }
  newest.erase(NamePrefix(partition));
  std::vector<std::string> names;
  for (auto& [prefix, name] : newest) names.push_back(std::move(name));
  return names;
}

Status CheckChain(const std::vector<LakeFile>& files) {
  for (std::size_t i = 1; i < files.size(); ++i) {
    MR_CHECK_OK(CheckFollows(files[i - 1], files[i]));
  }
  return {};
}

}  // namespace

LakeWriter::LakeWriter(objects::ObjectStore& store, sql::Engine& engine,
                       LakeOptions options, std::unique_ptr<sql::Session> session)
    : store_(store),
      engine_(engine),
      options_(std::move(options)),
      session_(std::move(session)),
      file_columns_(FileColumns(options_)) {}

LakeWriter::~LakeWriter() = default;

Result<std::unique_ptr<LakeWriter>> LakeWriter::Open(objects::ObjectStore& store,
                                                     sql::Engine& engine,
                                                     LakeOptions options) {
  MR_CHECK_OK(CheckPath(options.path));
  MR_TRY(auto session, engine.Connect());
  std::unique_ptr<LakeWriter> writer(
      new LakeWriter(store, engine, std::move(options), std::move(session)));
  auto recovered = writer->Recover();
  if (!recovered) {
    return Fail(std::move(recovered).error().During("lake " + writer->options_.path));
  }
  return writer;
}

Status LakeWriter::Recover() {
  MR_CHECK_OK(store_.Recover(options_.path, NamePrefix(options_.partition)));
  MR_TRY(const auto objects, store_.List(options_.path));
  MR_TRY(const auto files, ReadLakeFiles(store_, *session_, options_.path,
                                         NamesToCheck(objects, options_.partition)));
  MR_TRY(const auto others, ReadLakeFiles(store_, *session_, options_.path,
                                          NewestOfOthers(objects, options_.partition)));
  MR_CHECK_OK(CheckChain(files));
  for (const auto& other : others) {
    MR_CHECK_OK(CheckOwner(other.owner));
    MR_CHECK_OK(CheckColumns(other.metadata));
  }
  if (!files.empty()) {
    const auto& last = files.back();
    MR_CHECK_OK(CheckOwner(last.owner));
    MR_CHECK_OK(CheckColumns(last.metadata));
    committed_ = last.next;
    committed_version_ = last.last_version;
  }
  for (const auto& file : files) {
    Measure(std::ranges::find(objects, file.name, &objects::ObjectInfo::name)->bytes,
            file.rows);
  }
  for (const auto& column : file_columns_) {
    known_columns_[Lower(column.name)] = column.type.ToSql();
  }
  return {};
}

Status LakeWriter::CheckOwner(const std::string& owner) const {
  if (owner == options_.owner) return {};
  return Fail(ErrorCode::kInvalidArgument, "it belongs to " + owner);
}

Status LakeWriter::CheckColumns(const std::map<std::string, std::string>& metadata) {
  for (const auto& [key, type] : metadata) {
    if (key.starts_with(kColumnPrefix)) {
      known_columns_[key.substr(kColumnPrefix.size())] = type;
    }
  }
  for (const auto& column : file_columns_) {
    const auto known = known_columns_.find(Lower(column.name));
    if (known == known_columns_.end() || Widens(known->second, column.type)) continue;
    return Fail(ErrorCode::kInvalidArgument, "column " + column.name + " is " +
                                                 column.type.ToSql() + " now, and " +
                                                 known->second + " in its files");
  }
  return {};
}

Status LakeWriter::CreateFile(Roll& roll, const std::string& name) {
  sql::ParquetOptions options;
  options.compression = options_.compression;
  options.row_group_rows = options_.row_group_rows;
  options.memory_share = memory_share_;
  options.metadata = {{kFormatKey, std::string(kFormat)},
                      {kOwnerKey, options_.owner},
                      {kWriterKey, options_.writer_id},
                      {kPipelineHashKey, options_.pipeline_hash},
                      {kFirstOffsetKey, std::to_string(roll.first)}};
  if (!roll.gap.empty()) options.metadata[kGapKey] = roll.gap;
  for (const auto& [column, type] : known_columns_) {
    options.metadata[std::string(kColumnPrefix) + column] = type;
  }
  options.late_numbers = {kNextOffsetKey, kRowsKey};
  options.late_texts = {{kLastVersionKey, Version{}.ToHex().size()}};
  MR_TRY(roll.path, store_.StagingPath(options_.path, name));
  MR_TRY(roll.file,
         sql::ParquetWriter::Create(engine_, roll.path, file_columns_, options));
  return {};
}

Status LakeWriter::Start(Offset first) {
  if (done_) return Fail(*done_);
  if (committed_) {
    return Fail(ErrorCode::kInvalidArgument, "lake " + options_.path + " has started");
  }
  return Settle(Commit(Roll{first, first, Version{}, {}, nullptr, {}},
                       StartName(options_.partition)));
}

Status LakeWriter::Write(sql::Batch rows, Offset first, Offset next,
                         const Version& last) {
  if (done_) return Fail(*done_);
  if (!committed_ || first != (roll_ ? roll_->next : *committed_) || next < first) {
    return Fail(ErrorCode::kInternal, "lake " + options_.path + ": written out of turn");
  }
  if (next == first) return {};
  if (!roll_)
    roll_ = Roll{first, first, {}, options_.now() + options_.roll_every, nullptr, {}};
  auto added = AddToRoll(std::move(rows), next, last);
  if (!added) {
    roll_.reset();
    return Settle(std::move(added));
  }
  return Full() || options_.now() >= roll_->due ? Flush() : Status{};
}

bool LakeWriter::Full() const {
  if (!roll_->file) return false;
  if (roll_->file->overfull()) return true;
  const auto rows = roll_->file->rows();
  const auto guess = static_cast<double>(rows) * bytes_per_row_;
  if (rows >= options_.roll_rows || guess >= static_cast<double>(options_.roll_bytes)) {
    return true;
  }
  // What the guess misses where rows became larger: row groups are written when complete.
  std::error_code failed;
  const auto written = std::filesystem::file_size(roll_->path, failed);
  return !failed && written >= options_.roll_bytes;
}

void LakeWriter::Measure(std::uint64_t bytes, std::uint64_t rows) {
  if (rows > 0) bytes_per_row_ = static_cast<double>(bytes) / static_cast<double>(rows);
}

Status LakeWriter::AddToRoll(sql::Batch rows, Offset next, const Version& last) {
  if (rows.rows() > 0 && !roll_->file) {
    MR_CHECK_OK(CreateFile(*roll_, FileName(options_.partition, roll_->first)));
  }
  if (rows.rows() > 0) MR_CHECK_OK(roll_->file->Write(std::move(rows)));
  roll_->next = next;
  roll_->last = last;
  return {};
}

std::optional<std::chrono::steady_clock::time_point> LakeWriter::due() const {
  if (!roll_) return std::nullopt;
  return roll_->due;
}

Status LakeWriter::Flush() {
  if (done_) return Fail(*done_);
  if (!roll_) return {};
  Roll roll = std::move(*roll_);
  roll_.reset();
  const std::string name = FileName(options_.partition, roll.first);
  return Settle(Commit(std::move(roll), name));
}

Status LakeWriter::Skip(Offset next, const std::string& why) {
  if (done_) return Fail(*done_);
  if (!committed_ || roll_ || next <= *committed_) {
    return Fail(ErrorCode::kInternal, "lake " + options_.path + ": skipped out of turn");
  }
  Roll roll{*committed_, next, committed_version_, {}, nullptr, {}, why};
  const std::string name = FileName(options_.partition, roll.first);
  return Settle(Commit(std::move(roll), name));
}

Status LakeWriter::Commit(Roll roll, const std::string& name) {
  if (!roll.file) MR_CHECK_OK(CreateFile(roll, name));
  MR_CHECK_OK(
      roll.file->Finish({{kNextOffsetKey, roll.next}, {kRowsKey, roll.file->rows()}},
                        {{kLastVersionKey, roll.last.ToHex()}}));
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(roll.path, unknown);
  MR_FAIL_POINT("lake.before_publish");
  MR_CHECK_OK(Publish(name, roll.next));
  MR_FAIL_POINT("lake.after_publish");
  if (!unknown) Measure(bytes, roll.file->rows());
  committed_ = roll.next;
  committed_version_ = roll.last;
  return {};
}

Status LakeWriter::Publish(const std::string& name, Offset next) {
  auto published = store_.PutIfAbsent(options_.path, name);
  if (published) return {};
  // Room for others; what stays is removed by the next Open.
  std::error_code ignored;
  const auto staged = store_.StagingPath(options_.path, name);
  if (staged) std::filesystem::remove(*staged, ignored);
  if (published.error().code() == ErrorCode::kConflict) return CheckOwn(name, next);
  return published;
}

Status LakeWriter::CheckOwn(const std::string& name, Offset next) {
  MR_TRY(const auto files, ReadLakeFiles(store_, *session_, options_.path, {name}));
  if (files.front().writer == options_.writer_id && files.front().next == next) {
    return {};
  }
  return Fail(ErrorCode::kFenced,
              "lake " + options_.path + ": another writer published " + name);
}

Status LakeWriter::Settle(Status status) {
  if (status) return status;
  switch (status.error().code()) {
    case ErrorCode::kNotFound:
      // Another writer's Open removed what was staged: the next roll will tell.
      return Fail(ErrorCode::kUnavailable, status.error().message());
    case ErrorCode::kFenced:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kDataLoss:
      done_ = status.error();
      break;
    case ErrorCode::kResourceExhausted:
      if (status.error().message().contains(kOutOfMemory)) {
        memory_share_ = std::min(2 * memory_share_, kSmallestShare);
      }
      break;
    // The roll is gone, everything before it stands.
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kConflict:
    case ErrorCode::kOutOfRange:
    case ErrorCode::kUnavailable:
    case ErrorCode::kInternal:
    case ErrorCode::kPreconditionFailed:
    case ErrorCode::kTooLarge:
    case ErrorCode::kUnprocessable:
      break;
  }
  return status;
}

}  // namespace millrace::lake
