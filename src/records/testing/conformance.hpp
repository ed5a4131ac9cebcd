#pragma once

/// What record_store.hpp and change_feed.hpp promise, as tests. An adapter's test file
/// includes this header and instantiates RecordsConformance; nobody edits the suite to
/// suit one adapter.
#include "conformance_feed.hpp"
#include "conformance_fixture.hpp"
#include "conformance_guards.hpp"
#include "conformance_idempotency.hpp"
#include "conformance_list.hpp"
#include "conformance_reopen.hpp"
#include "conformance_rules.hpp"
#include "conformance_writes.hpp"
