#include "functions.hpp"

#include <algorithm>
#include <array>

namespace millrace::pipeline {
namespace {

using std::string_view_literals::operator""sv;

// Compared with the engine's own catalogue by functions_test.cpp.
constexpr std::array kVolatile = {"current_catalog"sv,
                                  "current_connection_id"sv,
                                  "current_database"sv,
                                  "current_date"sv,
                                  "current_localtime"sv,
                                  "current_localtimestamp"sv,
                                  "current_query"sv,
                                  "current_query_id"sv,
                                  "current_role"sv,
                                  "current_schema"sv,
                                  "current_schemas"sv,
                                  "current_setting"sv,
                                  "current_time"sv,
                                  "current_timestamp"sv,
                                  "current_transaction_id"sv,
                                  "current_user"sv,
                                  "currval"sv,
                                  "gen_random_uuid"sv,
                                  "get_current_time"sv,
                                  "get_current_timestamp"sv,
                                  "getenv"sv,
                                  "getvariable"sv,
                                  "in_search_path"sv,
                                  "localtime"sv,
                                  "localtimestamp"sv,
                                  "nextval"sv,
                                  "now"sv,
                                  "pg_conf_load_time"sv,
                                  "pg_postmaster_start_time"sv,
                                  "pg_sleep"sv,
                                  "random"sv,
                                  "session_user"sv,
                                  "setseed"sv,
                                  "sleep_ms"sv,
                                  "stats"sv,
                                  "today"sv,
                                  "transaction_timestamp"sv,
                                  "txid_current"sv,
                                  "user"sv,
                                  "uuid"sv,
                                  "uuidv4"sv,
                                  "uuidv7"sv,
                                  "write_log"sv};

constexpr std::array kAggregate = {"any_value"sv,
                                   "approx_count_distinct"sv,
                                   "approx_quantile"sv,
                                   "approx_top_k"sv,
                                   "arbitrary"sv,
                                   "arg_max"sv,
                                   "arg_min"sv,
                                   "argmax"sv,
                                   "argmin"sv,
                                   "array_agg"sv,
                                   "avg"sv,
                                   "bit_and"sv,
                                   "bit_or"sv,
                                   "bit_xor"sv,
                                   "bitstring_agg"sv,
                                   "bool_and"sv,
                                   "bool_or"sv,
                                   "corr"sv,
                                   "count"sv,
                                   "count_if"sv,
                                   "count_star"sv,
                                   "countif"sv,
                                   "covar_pop"sv,
                                   "covar_samp"sv,
                                   "entropy"sv,
                                   "favg"sv,
                                   "first"sv,
                                   "fsum"sv,
                                   "geometric_mean"sv,
                                   "group_concat"sv,
                                   "histogram"sv,
                                   "json_group_array"sv,
                                   "json_group_object"sv,
                                   "kurtosis"sv,
                                   "last"sv,
                                   "list"sv,
                                   "listagg"sv,
                                   "mad"sv,
                                   "max"sv,
                                   "max_by"sv,
                                   "mean"sv,
                                   "median"sv,
                                   "min"sv,
                                   "min_by"sv,
                                   "mode"sv,
                                   "product"sv,
                                   "quantile"sv,
                                   "quantile_cont"sv,
                                   "quantile_disc"sv,
                                   "skewness"sv,
                                   "stddev"sv,
                                   "stddev_pop"sv,
                                   "stddev_samp"sv,
                                   "string_agg"sv,
                                   "sum"sv,
                                   "sum_no_overflow"sv,
                                   "sumkahan"sv,
                                   "var_pop"sv,
                                   "var_samp"sv,
                                   "variance"sv,
                                   "wavg"sv,
                                   "weighted_avg"sv};

constexpr std::array kTable = {"generate_subscripts"sv, "unnest"sv};

template <std::size_t N>
bool Has(const std::array<std::string_view, N>& sorted, std::string_view name) {
  return std::ranges::binary_search(sorted, name);
}
static_assert(std::ranges::is_sorted(kVolatile));
static_assert(std::ranges::is_sorted(kAggregate));
static_assert(std::ranges::is_sorted(kTable));

}  // namespace

bool IsVolatileFunction(std::string_view name) { return Has(kVolatile, name); }
bool IsAggregateFunction(std::string_view name) { return Has(kAggregate, name); }
bool IsTableFunction(std::string_view name) { return Has(kTable, name); }

}  // namespace millrace::pipeline
