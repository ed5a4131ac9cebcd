#include "sql/parquet_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/bytes.hpp"
#include "batch_impl.hpp"
#include "engine_impl.hpp"
#include "parquet_footer.hpp"

namespace millrace::sql {
namespace {

constexpr std::size_t kHandOverBatches = 4;
constexpr std::size_t kNumberDigits = 20;
constexpr std::size_t kMinLateBytes = 16;  ///< shorter ones could be there by chance
constexpr const char* kRelation = "mr_parquet_rows";

/// The bounded way from the writing thread to the one in which the engine copies.
class HandOver {
 public:
  /// False when the copy ended early.
  bool Put(Batch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || batches_.size() < kHandOverBatches; });
    if (ended_) return false;
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }
  /// No more batches: the copy completes, or fails when abandoned.
  void Close(bool abandoned) {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    abandoned_ = abandoned;
    changed_.notify_all();
  }
  /// The batch stays until the next call; null at the end.
  Result<const Batch*> Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !batches_.empty(); });
    if (abandoned_) return Fail(ErrorCode::kUnavailable, "abandoned");
    if (batches_.empty()) return nullptr;
    taken_ = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return &taken_;
  }
  void End() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  Batch taken_;
  bool closed_ = false;
  bool abandoned_ = false;
  bool ended_ = false;
};

/// Without the size of row groups and what closes the brackets.
std::string CopyText(const std::filesystem::path& path, const schema::Columns& columns,
                     const ParquetOptions& options,
                     const std::map<std::string, std::string>& metadata) {
  std::string names;
  for (const auto& column : columns) {
    names += (names.empty() ? "" : ", ") + QuoteName(column.name);
  }
  std::string text = "COPY (SELECT " + names + " FROM " + kRelation + ") TO " +
                     QuoteText(path.string()) + " (FORMAT parquet, USE_TMP_FILE false" +
                     ", COMPRESSION " + QuoteText(options.compression);
  if (!options.field_ids.empty()) text += ", FIELD_IDS " + options.field_ids;
  if (metadata.empty()) return text;
  std::string pairs;
  for (const auto& [key, value] : metadata) {
    pairs += (pairs.empty() ? "" : ", ") + QuoteText(key) + ": " + QuoteText(value);
  }
  return text + ", KV_METADATA {" + pairs + "}";
}

std::unexpected<Error> HasEnded() {
  return Fail(ErrorCode::kInternal, "the writer has ended");
}

std::string Digits(std::uint64_t number) {
  std::string text = std::to_string(number);
  return std::string(kNumberDigits - text.size(), '0') + text;
}

}  // namespace

class ParquetWriter::Impl {
 public:
  Impl(std::unique_ptr<Session> session, std::filesystem::path path,
       std::uint64_t group_bytes)
      : session_(std::move(session)),
        path_(std::move(path)),
        group_bytes_(std::max<std::uint64_t>(1, group_bytes)) {}
  ~Impl() {
    if (!thread_.joinable()) return;
    hand_over_.Close(true);
    thread_.join();
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Prepare(const schema::Columns& columns, const ParquetOptions& options);
  bool overfull() const { return held_bytes_ >= 2 * group_bytes_; }
  Status Write(Batch batch);
  Status Finish(const std::map<std::string, std::uint64_t>& numbers,
                const std::map<std::string, std::string>& texts);

  std::uint64_t rows = 0;

 private:
  std::string& Announce(const std::string& key, std::size_t length) {
    return placeholders_[key] = MakePlaceholder(length);
  }
  Result<std::map<std::string, std::string>> Replacements(
      const std::map<std::string, std::uint64_t>& numbers,
      const std::map<std::string, std::string>& texts) const;
  std::uint64_t BytesOf(const Batch& batch) const;
  void Start();
  /// What the open row group holds after so many more rows.
  void Hold(std::uint64_t count, std::uint64_t bytes);
  Status Join();

  std::unique_ptr<Session> session_;
  std::filesystem::path path_;
  schema::Columns columns_;
  std::string copy_;
  std::uint64_t group_bytes_, group_rows_ = 0;
  std::uint64_t held_rows_ = 0, held_bytes_ = 0;
  bool started_ = false;
  std::map<std::string, std::string> placeholders_;  ///< by metadata key
  HandOver hand_over_;
  Status copied_;  ///< read after the thread ended
  std::thread thread_;
};

Status ParquetWriter::Impl::Prepare(const schema::Columns& columns,
                                    const ParquetOptions& options) {
  auto metadata = options.metadata;
  for (const auto& key : options.late_numbers) {
    metadata[key] = Announce(key, kNumberDigits);
  }
  for (const auto& [key, length] : options.late_texts) {
    if (length < kMinLateBytes) {
      return Fail(ErrorCode::kInvalidArgument, key + ": too short for a late text");
    }
    metadata[key] = Announce(key, length);
  }
  auto relation = std::make_shared<Relation>();
  relation->layout = Layout::Of(columns);
  relation->next = [this] { return hand_over_.Take(); };
  MR_CHECK_OK(session_->impl().Add(kRelation, std::move(relation)));
  columns_ = columns;
  copy_ = CopyText(path_, columns, options, metadata);
  group_rows_ = options.row_group_rows;
  return {};
}

void ParquetWriter::Impl::Start() {
  started_ = true;
  copy_ += ", ROW_GROUP_SIZE " + std::to_string(group_rows_) + ")";
  thread_ = std::thread([this] {
    copied_ = session_->Run(copy_);
    hand_over_.End();
  });
}

std::uint64_t ParquetWriter::Impl::BytesOf(const Batch& batch) const {
  std::uint64_t bytes = 0;
  for (const auto& column : columns_) {
    const int found = batch.Find(column.name);
    if (found >= 0) bytes += batch.impl().BytesOf(static_cast<std::size_t>(found));
  }
  return bytes;
}

void ParquetWriter::Impl::Hold(std::uint64_t count, std::uint64_t bytes) {
  held_rows_ += count;
  held_bytes_ += bytes;
  // The engine writes out all that it holds then.
  if (held_rows_ >= group_rows_) held_rows_ = held_bytes_ = 0;
}

Status ParquetWriter::Impl::Join() {
  thread_.join();
  if (copied_) return {};
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  return Fail(Error(copied_.error()).During("write " + path_.string()));
}

Status ParquetWriter::Impl::Write(Batch batch) {
  if (started_ && !thread_.joinable()) return HasEnded();
  const std::size_t count = batch.rows();
  if (count == 0) return {};
  const auto bytes = BytesOf(batch);
  if (!started_) {
    const auto fit = group_bytes_ * count / std::max<std::uint64_t>(1, bytes);
    group_rows_ = std::clamp<std::uint64_t>(fit, 1, group_rows_);
    Start();
  }
  Hold(count, bytes);
  if (!hand_over_.Put(std::move(batch))) return Join();
  rows += count;
  return {};
}

Result<std::map<std::string, std::string>> ParquetWriter::Impl::Replacements(
    const std::map<std::string, std::uint64_t>& numbers,
    const std::map<std::string, std::string>& texts) const {
  std::map<std::string, std::string> out;
  for (const auto& [key, placeholder] : placeholders_) {
    const auto number = numbers.find(key);
    const auto text = texts.find(key);
    if (number == numbers.end() && text == texts.end()) {
      return Fail(ErrorCode::kInvalidArgument, "no value for " + key);
    }
    out[placeholder] = number != numbers.end() ? Digits(number->second) : text->second;
  }
  return out;
}

Status ParquetWriter::Impl::Finish(const std::map<std::string, std::uint64_t>& numbers,
                                   const std::map<std::string, std::string>& texts) {
  if (!started_) Start();
  if (!thread_.joinable()) return HasEnded();
  MR_TRY(const auto replacements, Replacements(numbers, texts));
  hand_over_.Close(false);
  MR_CHECK_OK(Join());
  auto patched = PatchParquetFooter(path_, replacements);
  if (!patched) {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  return patched;
}

Result<std::unique_ptr<ParquetWriter>> ParquetWriter::Create(
    Engine& engine, const std::filesystem::path& path, const schema::Columns& columns,
    const ParquetOptions& options) {
  MR_TRY(auto session, engine.Connect());
  auto impl = std::make_unique<Impl>(std::move(session), path,
                                     engine.impl().memory_limit / options.memory_share);
  MR_CHECK_OK(impl->Prepare(columns, options));
  return std::unique_ptr<ParquetWriter>(new ParquetWriter(std::move(impl)));
}

ParquetWriter::ParquetWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ParquetWriter::~ParquetWriter() = default;

Status ParquetWriter::Write(Batch batch) { return impl_->Write(std::move(batch)); }
std::uint64_t ParquetWriter::rows() const { return impl_->rows; }
bool ParquetWriter::overfull() const { return impl_->overfull(); }
Status ParquetWriter::Finish(const std::map<std::string, std::uint64_t>& late_numbers,
                             const std::map<std::string, std::string>& late_texts) {
  return impl_->Finish(late_numbers, late_texts);
}

Result<std::map<std::string, std::string>> ReadParquetMetadata(
    Session& session, const std::filesystem::path& path) {
  MR_TRY(const Batch answer, session.Query("SELECT key, value FROM parquet_kv_metadata(" +
                                           QuoteText(path.string()) + ")"));
  std::map<std::string, std::string> out;
  for (std::size_t row = 0; row < answer.rows(); ++row) {
    out.emplace(answer.Text(0, row), answer.Text(1, row));
  }
  return out;
}

}  // namespace millrace::sql
