#include "records_embedded/embedded_records.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "../testing/conformance.hpp"
#include "test_place.hpp"

namespace millrace::records::testing {
namespace {

Adapter InFreshDirectory() {
  return {"Embedded", [] { return std::make_unique<EmbeddedPlace>(); }};
}

INSTANTIATE_TEST_SUITE_P(Embedded, RecordsConformance,
                         ::testing::Values(InFreshDirectory()), AdapterName);
INSTANTIATE_TEST_SUITE_P(Embedded, RecordsListing, ::testing::Values(InFreshDirectory()),
                         AdapterName);
INSTANTIATE_TEST_SUITE_P(Embedded, RecordsGuards, ::testing::Values(InFreshDirectory()),
                         AdapterName);
INSTANTIATE_TEST_SUITE_P(Embedded, RecordsRules, ::testing::Values(InFreshDirectory()),
                         AdapterName);

}  // namespace
}  // namespace millrace::records::testing
