#include "warehouse_embedded/embedded_warehouse.hpp"

#include "test_directory.hpp"
#include "warehouse/testing/conformance.hpp"

namespace millrace::warehouse {
namespace {

/// Merges after a few rows, so that the suite meets them everywhere.
EmbeddedWarehouseOptions Eager(const std::filesystem::path& directory) {
  EmbeddedWarehouseOptions options;
  options.directory = directory;
  options.lake = directory / "lake";
  options.min_merge_rows = 40;
  options.merge_slice_rows = 15;
  options.checkpoint_wal = 32u << 10u;
  options.filter_rows = 1;
  return options;
}

class EmbeddedUnderTest : public WarehouseUnderTest {
 public:
  EmbeddedUnderTest() { Open(); }
  Warehouse& warehouse() override { return *warehouse_; }
  void Reopen() override {
    warehouse_.reset();
    Open();
  }

 private:
  void Open() {
    auto opened = OpenEmbeddedWarehouse(Eager(directory_.path()));
    ASSERT_TRUE(opened) << opened.error().ToString();
    warehouse_ = std::move(*opened);
  }
  TestDirectory directory_;
  std::unique_ptr<Warehouse> warehouse_;
};

INSTANTIATE_TEST_SUITE_P(Embedded, WarehouseConformance,
                         testing::Values(Adapter{
                             "embedded",
                             [] { return std::make_unique<EmbeddedUnderTest>(); }}),
                         AdapterName);

INSTANTIATE_TEST_SUITE_P(Embedded, WarehouseRules,
                         testing::Values(Adapter{
                             "embedded",
                             [] { return std::make_unique<EmbeddedUnderTest>(); }}),
                         AdapterName);

INSTANTIATE_TEST_SUITE_P(Embedded, InsertOnlyConformance,
                         testing::Values(Adapter{
                             "embedded",
                             [] { return std::make_unique<EmbeddedUnderTest>(); }}),
                         AdapterName);

}  // namespace
}  // namespace millrace::warehouse
