#pragma once

#include <span>
#include <string_view>

namespace millrace::project {

/// A text file of an example, carried by the binary.
struct ExampleFile {
  std::string_view path;  ///< "orders/collections/orders.yaml"
  std::string_view text;
};

/// All of them, sorted by path. Its body is made by EmbedExamples.cmake.
std::span<const ExampleFile> ExampleFiles();

}  // namespace millrace::project
