# Every library of others, each behind one target. Debian packages, but for DuckDB, whose
# static archives come as a Go module that ./dev fetches and checks by its sum.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(simdjson REQUIRED)
find_package(nlohmann_json REQUIRED)  # pipeline only: rewriting syntax trees
find_package(yaml-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
find_package(OpenSSL REQUIRED)  # identity only, with libargon2 and libcrypt
pkg_check_modules(ARGON2 REQUIRED IMPORTED_TARGET libargon2)
if(MR_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

set(MR_DUCKDB_VERSION 0.10505.0)
set(MR_DUCKDB_DIR "" CACHE PATH "folder with duckdb.h and its static archives")
if(NOT MR_DUCKDB_DIR)
  execute_process(COMMAND go env GOMODCACHE OUTPUT_VARIABLE gomodcache OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(MR_DUCKDB_DIR "${gomodcache}/github.com/duckdb/duckdb-go-bindings/lib/linux-amd64@v${MR_DUCKDB_VERSION}" CACHE PATH "" FORCE)
endif()
if(NOT EXISTS ${MR_DUCKDB_DIR}/duckdb.h)
  message(FATAL_ERROR "no DuckDB in ${MR_DUCKDB_DIR}: run ./dev setup")
endif()
file(GLOB duckdb_archives ${MR_DUCKDB_DIR}/*.a)
add_library(mr_duckdb INTERFACE)
target_include_directories(mr_duckdb SYSTEM INTERFACE ${MR_DUCKDB_DIR})
target_compile_definitions(mr_duckdb INTERFACE DUCKDB_STATIC_BUILD)
target_link_libraries(mr_duckdb INTERFACE
  -Wl,--start-group ${duckdb_archives} -Wl,--end-group Threads::Threads ${CMAKE_DL_LIBS})
