#include "verify_metrics.hpp"

#include <gmock/gmock.h>

namespace millrace::app {
namespace {

using testing::HasSubstr;

TEST(VerifyMetrics, AStoreThatIsNoLongerNamedHasNothingWrong) {
  telemetry::Registry registry;
  VerifyMetrics metrics(registry);
  metrics.Set("orders table table.old 3 2 1\norders table table.new 5 0 1\n");
  const std::string old = R"({collection="orders",stage="table",store="table.old"} )";
  EXPECT_THAT(registry.Render(), HasSubstr("verify_rows_missing" + old + "3"));
  metrics.Set("orders table table.new 4 0 1\n");
  const auto text = registry.Render();
  for (const char* name : {"rows_missing", "rows_extra", "slices_wrong"})
    EXPECT_THAT(text, HasSubstr("verify_" + std::string(name) + old + "0"));
  EXPECT_THAT(text, HasSubstr(R"(store="table.new"} 4)"));
}

}  // namespace
}  // namespace millrace::app
