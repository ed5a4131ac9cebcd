# mr_library, mr_test, mr_app: one place for flags, layers and tests.

add_library(mr_flags INTERFACE)
target_compile_options(mr_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wextra-semi -Werror -fno-omit-frame-pointer)
target_link_options(mr_flags INTERFACE -fuse-ld=lld)
# Objects hold both forms: the server is linked with optimization across files (6 % less CPU
# in a backlog), the many test programs without, in a second each.
if(MR_LTO)
  target_compile_options(mr_flags INTERFACE -flto=thin -ffat-lto-objects)
  target_link_options(mr_flags INTERFACE -fno-lto)
endif()
if(MR_FAIL_POINTS)
  target_compile_definitions(mr_flags INTERFACE MR_FAIL_POINTS)
endif()
if(MR_FUZZ)
  target_compile_options(mr_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MR_SANITIZE STREQUAL "address")
  target_compile_options(mr_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(mr_flags INTERFACE -fsanitize=address,undefined)
elseif(MR_SANITIZE STREQUAL "thread")
  target_compile_options(mr_flags INTERFACE -fsanitize=thread)
  target_link_options(mr_flags INTERFACE -fsanitize=thread)
endif()

# Stops the configure step when a room uses a higher or equal layer, or an adapter.
function(mr_check_deps name layer)
  foreach(dep IN LISTS ARGN)
    if(NOT dep MATCHES "^mr::")
      continue()
    endif()
    string(REPLACE "mr::" "mr_" target ${dep})
    if(NOT TARGET ${target})
      message(FATAL_ERROR "${name} uses ${dep}, which is not declared before it (layers, see docs/house.md)")
    endif()
    get_target_property(their_layer ${target} MR_LAYER)
    get_target_property(is_adapter ${target} MR_ADAPTER)
    if(is_adapter)
      message(FATAL_ERROR "${name} uses the adapter ${dep}: only app and tests may")
    elseif(their_layer GREATER_EQUAL layer)
      message(FATAL_ERROR "${name} (layer ${layer}) uses ${dep} (layer ${their_layer})")
    endif()
  endforeach()
endfunction()

# Tests that start threads: the tsan preset runs these only. sql, lake and warehouse are
# left out: DuckDB's archives are not instrumented, so TSan cannot see its locks and would
# report what they guard.
set(MR_THREADED_TESTS base_test runtime_test http_test live_test rpc_test eventlog_embedded_test
  records_embedded_test cache_embedded_test)

# What the asan preset runs: the rooms that read what others wrote. warehouse and pipeline
# are not among them yet (docs/limits.md).
set(MR_ADDRESS_TESTS base_test schema_test query_test change_test http_test rpc_test telemetry_test
  sql_test objects_embedded_test lake_test eventlog_embedded_test
  records_embedded_test)

# Every unit test program, and nothing else: what ./dev unit builds.
add_custom_target(mr_unit_tests)

# mr_library(NAME LAYER n [ADAPTER] DEPS ... [PRIVATE ...] [TEST_DEPS ...])
# Takes every .cpp of the folder; x_test.cpp files become the test program mr_NAME_test.
# Public headers stand in include/NAME/. Rooms are named mr::NAME in DEPS.
function(mr_library name)
  cmake_parse_arguments(A "ADAPTER" "LAYER" "DEPS;PRIVATE;TEST_DEPS" ${ARGN})
  mr_check_deps(${name} ${A_LAYER} ${A_DEPS} ${A_PRIVATE})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(NOT sources)  # a port without code of its own
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp "")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
  endif()
  add_library(mr_${name} STATIC ${sources})
  add_library(mr::${name} ALIAS mr_${name})
  set_target_properties(mr_${name} PROPERTIES MR_LAYER ${A_LAYER} MR_ADAPTER "${A_ADAPTER}" LINKER_LANGUAGE CXX)
  target_include_directories(mr_${name} PUBLIC include PRIVATE .)
  target_link_libraries(mr_${name} PUBLIC ${A_DEPS} PRIVATE ${A_PRIVATE} mr_flags)
  if(MR_TESTS AND tests)
    mr_test(${name}_test SOURCES ${tests} DEPS mr::${name} ${A_TEST_DEPS} ${A_PRIVATE})
    target_include_directories(mr_${name}_test PRIVATE .)
  endif()
endfunction()

# mr_test(NAME SOURCES ... DEPS ... [LABEL unit])
function(mr_test name)
  cmake_parse_arguments(A "" "LABEL" "SOURCES;DEPS" ${ARGN})
  if(NOT A_LABEL)
    set(A_LABEL unit)
  endif()
  add_executable(mr_${name} ${A_SOURCES})
  target_link_libraries(mr_${name} PRIVATE ${A_DEPS} mr_flags GTest::gmock GTest::gtest_main)
  if((MR_SANITIZE STREQUAL "thread" AND NOT name IN_LIST MR_THREADED_TESTS) OR
     (MR_SANITIZE STREQUAL "address" AND NOT name IN_LIST MR_ADDRESS_TESTS))
    set_target_properties(mr_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  add_test(NAME ${name} COMMAND mr_${name})
  set_tests_properties(${name} PROPERTIES LABELS ${A_LABEL} TIMEOUT 300)
  if(A_LABEL STREQUAL "unit")
    add_dependencies(mr_unit_tests mr_${name})
  endif()
endfunction()

# mr_app(NAME SOURCES ... DEPS ...): the only kind of target that may link adapters.
function(mr_app name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_DEPS} mr_flags -Wl,--gc-sections)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  if(MR_LTO)
    target_link_options(${name} PRIVATE -flto=thin -Wl,--fat-lto-objects
      -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto)
  endif()
endfunction()
