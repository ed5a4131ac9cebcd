#pragma once

#include <string_view>

namespace millrace::gateway {

/// A file of the documentation page.
struct DocsAsset {
  std::string_view content_type;
  std::string_view packed;  ///< gzip
};

/// Null: there is none of that name.
const DocsAsset* FindDocsAsset(std::string_view name);

/// Starts the page; not packed.
extern const std::string_view kDocsStart;

}  // namespace millrace::gateway
