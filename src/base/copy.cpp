#include "base/copy.hpp"

#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/file.hpp"

namespace millrace {
namespace {

constexpr std::size_t kChunk = 1u << 20u;

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

Status GiveMode(const struct stat& of, const std::filesystem::path& to) {
  if (std::filesystem::exists(to)) return {};
  MR_TRY(const auto file, File::CreateNew(to));
  if (::fchmod(file.fd(), (of.st_mode & 0777U) | 0600U) == 0) return {};
  return Fail(SystemError("chmod", to, errno));
}

}  // namespace

Status CreateLike(const std::filesystem::path& from, const std::filesystem::path& to) {
  struct stat of{};
  if (::stat(from.c_str(), &of) != 0) return Fail(SystemError("stat", from, errno));
  return GiveMode(of, to);
}

Status CopyUpTo(const std::filesystem::path& from, const std::filesystem::path& to,
                std::uint64_t end, const CopyProgress& progress) {
  MR_TRY(const auto source, File::OpenRead(from));
  return CopyUpTo(source, to, end, progress);
}

Status CopyUpTo(const File& from, const std::filesystem::path& to, std::uint64_t end,
                const CopyProgress& progress) {
  struct stat of{};
  if (::fstat(from.fd(), &of) != 0) return Fail(SystemError("stat", from.path(), errno));
  MR_CHECK_OK(GiveMode(of, to));
  MR_TRY(auto target, File::OpenReadWrite(to));
  MR_TRY(auto at, target.Size());
  std::string chunk;
  while (at < end) {
    chunk.resize(std::min<std::uint64_t>(kChunk, end - at));
    MR_TRY(const auto got, from.ReadAt(at, chunk.data(), chunk.size()));
    if (got == 0) {
      return Fail(ErrorCode::kDataLoss, from.path().string() + " ends at " +
                                            std::to_string(at) + ", expected " +
                                            std::to_string(end) + " bytes");
    }
    chunk.resize(got);
    MR_CHECK_OK(target.WriteAt(at, chunk));
    at += got;
    MR_CHECK_OK(progress(got));
  }
  return target.SyncData();
}

Result<FileSum> SumFile(const std::filesystem::path& path, const CopyProgress& progress) {
  MR_TRY(const auto file, File::OpenRead(path));
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  FileSum sum;
  std::string chunk(kChunk, '\0');
  for (;;) {
    MR_TRY(const auto got, file.ReadAt(sum.bytes, chunk.data(), chunk.size()));
    XXH3_64bits_update(state.get(), chunk.data(), got);
    sum.bytes += got;
    MR_CHECK_OK(progress(got));
    if (got < chunk.size()) break;
  }
  sum.xxh3 = XXH3_64bits_digest(state.get());
  return sum;
}

}  // namespace millrace
