#include "parquet_footer.hpp"

#include <cstring>
#include <random>

#include "base/file.hpp"

namespace millrace::sql {
namespace {

constexpr std::size_t kTailBytes = 8;  ///< length of the footer, "PAR1"
constexpr std::uint32_t kMaxFooterBytes = 256u << 20u;

struct Footer {
  std::uint64_t offset = 0;
  std::string bytes;
};

Result<std::string> ReadExactly(const File& file, std::uint64_t offset,
                                std::size_t size) {
  std::string bytes(size, '\0');
  MR_TRY(const std::size_t got, file.ReadAt(offset, bytes.data(), size));
  if (got != size) {
    return Fail(ErrorCode::kDataLoss, file.path().string() + ": shorter than it was");
  }
  return bytes;
}

Result<Footer> ReadFooter(const File& file) {
  MR_TRY(const std::uint64_t size, file.Size());
  const auto broken = [&] {
    return Fail(ErrorCode::kDataLoss, file.path().string() + ": not a Parquet file");
  };
  if (size < kTailBytes) return broken();
  MR_TRY(const std::string tail, ReadExactly(file, size - kTailBytes, kTailBytes));
  std::uint32_t length = 0;  // little-endian, as every machine we build for
  std::memcpy(&length, tail.data(), sizeof(length));
  if (!tail.ends_with("PAR1") || length > kMaxFooterBytes || length + kTailBytes > size) {
    return broken();
  }
  Footer footer;
  footer.offset = size - kTailBytes - length;
  MR_TRY(footer.bytes, ReadExactly(file, footer.offset, length));
  return footer;
}

}  // namespace

std::string MakePlaceholder(std::size_t length) {
  std::random_device random;
  std::uniform_int_distribution<int> digit('0', '9');
  std::string out(length, '9');
  for (std::size_t i = 1; i < length; ++i) out[i] = static_cast<char>(digit(random));
  return out;
}

Status PatchParquetFooter(const std::filesystem::path& path,
                          const std::map<std::string, std::string>& replacements) {
  if (replacements.empty()) return {};
  MR_TRY(const File reader, File::OpenRead(path));  // must be there already
  MR_TRY(Footer footer, ReadFooter(reader));
  MR_TRY(File file, File::OpenReadWrite(path));
  for (const auto& [placeholder, text] : replacements) {
    const auto at = footer.bytes.find(placeholder);
    if (at == std::string::npos ||
        footer.bytes.find(placeholder, at + 1) != std::string::npos ||
        text.size() != placeholder.size()) {
      return Fail(ErrorCode::kInternal, path.string() + ": no single place for " + text);
    }
    MR_CHECK_OK(file.WriteAt(footer.offset + at, text));
    footer.bytes.replace(at, text.size(), text);
  }
  MR_TRY(const Footer written, ReadFooter(reader));
  if (written.bytes != footer.bytes) {
    return Fail(ErrorCode::kDataLoss, path.string() + ": reads back otherwise");
  }
  return {};
}

}  // namespace millrace::sql
