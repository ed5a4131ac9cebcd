#include "sql/parquet_writer.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/bytes.hpp"
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

std::string CopyText(const std::filesystem::path& path, const schema::Columns& columns,
                     const ParquetOptions& options,
                     const std::map<std::string, std::string>& metadata) {
  std::string names;
  for (const auto& column : columns) {
    names += (names.empty() ? "" : ", ") + QuoteName(column.name);
  }
  std::string text = "COPY (SELECT " + names + " FROM " + kRelation + ") TO " +
                     QuoteText(path.string()) + " (FORMAT parquet, USE_TMP_FILE false" +
                     ", COMPRESSION " + QuoteText(options.compression) +
                     ", ROW_GROUP_SIZE " + std::to_string(options.row_group_rows);
  if (!options.field_ids.empty()) text += ", FIELD_IDS " + options.field_ids;
  if (metadata.empty()) return text + ")";
  std::string pairs;
  for (const auto& [key, value] : metadata) {
    pairs += (pairs.empty() ? "" : ", ") + QuoteText(key) + ": " + QuoteText(value);
  }
  return text + ", KV_METADATA {" + pairs + "})";
}

std::string Digits(std::uint64_t number) {
  std::string text = std::to_string(number);
  return std::string(kNumberDigits - text.size(), '0') + text;
}

}  // namespace

class ParquetWriter::Impl {
 public:
  Impl(std::unique_ptr<Session> session, std::filesystem::path path)
      : session_(std::move(session)), path_(std::move(path)) {}
  ~Impl() {
    if (!thread_.joinable()) return;
    hand_over_.Close(true);
    thread_.join();
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Start(const schema::Columns& columns, const ParquetOptions& options);
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
  Status Join();

  std::unique_ptr<Session> session_;
  std::filesystem::path path_;
  std::map<std::string, std::string> placeholders_;  ///< by metadata key
  HandOver hand_over_;
  Status copied_;  ///< read after the thread ended
  std::thread thread_;
};

Status ParquetWriter::Impl::Start(const schema::Columns& columns,
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
  thread_ = std::thread([this, text = CopyText(path_, columns, options, metadata)] {
    copied_ = session_->Run(text);
    hand_over_.End();
  });
  return {};
}

Status ParquetWriter::Impl::Join() {
  thread_.join();
  if (copied_) return {};
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  return Fail(Error(copied_.error()).During("write " + path_.string()));
}

Status ParquetWriter::Impl::Write(Batch batch) {
  if (!thread_.joinable()) return Fail(ErrorCode::kInternal, "the writer has ended");
  const std::size_t count = batch.rows();
  if (count == 0) return {};
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
  if (!thread_.joinable()) return Fail(ErrorCode::kInternal, "the writer has ended");
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
  auto impl = std::make_unique<Impl>(std::move(session), path);
  MR_CHECK_OK(impl->Start(columns, options));
  return std::unique_ptr<ParquetWriter>(new ParquetWriter(std::move(impl)));
}

ParquetWriter::ParquetWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ParquetWriter::~ParquetWriter() = default;

Status ParquetWriter::Write(Batch batch) { return impl_->Write(std::move(batch)); }
std::uint64_t ParquetWriter::rows() const { return impl_->rows; }
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
