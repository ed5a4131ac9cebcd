#include "objects/object_store.hpp"

#include <algorithm>
#include <string_view>

namespace millrace::objects {
namespace {

constexpr std::size_t kMaxFolderBytes = 512;
constexpr std::size_t kMaxNameBytes = 255;

bool GoodSegment(std::string_view segment) {
  if (segment.empty() || segment.size() > kMaxNameBytes) return false;
  if (segment.front() == '.' || segment.front() == '_') return false;
  return std::ranges::none_of(segment, [](char c) {
    return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

}  // namespace

Status CheckFolder(const std::string& folder) {
  bool good = !folder.empty() && folder.size() <= kMaxFolderBytes;
  for (std::size_t at = 0; good && at <= folder.size();) {
    const auto end = std::min(folder.find('/', at), folder.size());
    good = GoodSegment(std::string_view(folder).substr(at, end - at));
    at = end + 1;
  }
  if (good) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "'" + folder.substr(0, 64) +
          "' is not a folder: a relative path whose parts do not begin with . or _");
}

Status CheckName(const std::string& name) {
  if (GoodSegment(name)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name.substr(0, 64) + "' is not the name of an object");
}

}  // namespace millrace::objects
