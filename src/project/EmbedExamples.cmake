# Writes OUTPUT, a .cpp with the text files below FROM (examples/): every file of a known
# kind that is small. cmake -DFROM=… -DOUTPUT=… -P EmbedExamples.cmake
set(kinds "\\.(yaml|sql|md|txt|csv|json|ndjson)$")
set(max_bytes 65536)

file(GLOB_RECURSE files RELATIVE ${FROM} ${FROM}/*/*)
list(FILTER files INCLUDE REGEX "${kinds}")
list(SORT files)

set(entries "")
foreach(file IN LISTS files)
  file(SIZE ${FROM}/${file} bytes)
  if(bytes GREATER max_bytes)
    continue()
  endif()
  file(READ ${FROM}/${file} text)
  string(APPEND entries "    {R\"mr(${file})mr\", R\"mr(${text})mr\"},\n")
endforeach()

file(WRITE ${OUTPUT} "// Made from examples/ by EmbedExamples.cmake.
#include \"examples.hpp\"

namespace millrace::project {
namespace {
constexpr ExampleFile kFiles[] = {
${entries}};
}  // namespace

std::span<const ExampleFile> ExampleFiles() { return kFiles; }

}  // namespace millrace::project
")
