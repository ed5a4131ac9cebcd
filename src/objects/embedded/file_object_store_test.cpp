#include "objects_embedded/file_object_store.hpp"

#include "objects/testing/conformance.hpp"

namespace millrace::objects {
namespace {

INSTANTIATE_TEST_SUITE_P(Embedded, ObjectStoreConformance,
                         testing::Values(Adapter{
                             "files",
                             [](const auto& directory) {
                               return std::make_unique<FileObjectStore>(directory /
                                                                        "root");
                             }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace millrace::objects
