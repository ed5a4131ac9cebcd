#include "segment_writer.hpp"

#include <fcntl.h>

#include <algorithm>
#include <system_error>

#include "base/failpoint.hpp"
#include "stream_path.hpp"

namespace millrace::eventlog {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kFirstStep = 64u << 10u;

}  // namespace

Status SegmentWriter::Continue(Offset first, std::uint64_t end) {
  MR_TRY(auto file, File::OpenReadWrite(SegmentPath(directory_, first)));
  MR_TRY(allocated_, file.Size());
  file_ = std::move(file);
  end_ = durable_ = end;
  return {};
}

Status SegmentWriter::Begin(const SegmentHeader& header) {
  MR_FAIL_POINT("eventlog.before_roll");
  MR_CHECK_OK(MakeDirs(directory_));
  const auto path = SegmentPath(directory_, header.first);
  auto temporary = path;
  temporary += kTemporarySuffix;
  const auto bytes = EncodeSegmentHeader(header);
  // The name appears only with a whole header, so that a bad header is always damage.
  auto published = [&]() -> Status {
    MR_TRY(auto file, File::OpenReadWrite(temporary));
    MR_CHECK_OK(file.Truncate(0));
    MR_CHECK_OK(file.WriteAt(0, bytes));
    return PublishFile(temporary, path);
  }();
  std::error_code ignored;
  if (!published) {
    fs::remove(temporary, ignored);
    // A name without a durable directory entry: nobody can say what a restart will find.
    if (fs::exists(path, ignored)) return Broken(std::move(published));
    return published;
  }
  MR_FAIL_POINT("eventlog.after_roll");
  // Only gives space back: readers stop at the next segment's first offset anyway.
  if (file_.is_open() && allocated_ > end_) static_cast<void>(file_.Truncate(end_));
  return Broken(Continue(header.first, bytes.size()));
}

Status SegmentWriter::Write(std::string_view bytes) {
  Preallocate(end_ + bytes.size());
  auto written = file_.WriteAt(end_, bytes);
  if (!written && written.error().code() != ErrorCode::kResourceExhausted) {
    return Broken(std::move(written));
  }
  MR_CHECK_OK(std::move(written));
  end_ += bytes.size();
  allocated_ = std::max(allocated_, end_);
  return {};
}

Status SegmentWriter::Sync() {
  MR_CHECK_OK(Broken(file_.SyncData()));
  durable_ = end_;
  return {};
}

Status SegmentWriter::Rollback() {
  MR_CHECK_OK(Broken(file_.Truncate(durable_)));
  end_ = allocated_ = durable_;
  return Broken(file_.SyncData());
}

Status SegmentWriter::Close(const Positions& positions, Offset next) {
  MR_CHECK_OK(Write(EncodeMark(positions, next, end_)));
  MR_CHECK_OK(file_.Truncate(end_));
  return Sync();
}

/// Writing into space that the file already has saves the journal a size change at each
/// sync (0.6 to 0.95 of the time, measured on ext4). Best effort: a file system may lack
/// it. At most as much as there is, so that a thousand small streams do not take
/// gigabytes.
void SegmentWriter::Preallocate(std::uint64_t upto) {
  if (preallocate_ == 0 || upto <= allocated_) return;
  const auto ahead = std::min(preallocate_, std::max(kFirstStep, upto));
  const auto begin = static_cast<off_t>(allocated_);
  const auto size = static_cast<off_t>(upto - allocated_ + ahead);
  if (fallocate(file_.fd(), 0, begin, size) == 0)
    allocated_ += static_cast<std::uint64_t>(size);
}

Status SegmentWriter::Broken(Status status) {
  if (!status) broken_ = true;
  return status;
}

}  // namespace millrace::eventlog
