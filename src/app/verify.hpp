#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "change/sums.hpp"
#include "verify_slices.hpp"

namespace millrace::app {

/// What one store says of a collection.
struct StoreSum {
  std::string store;  ///< "records", "log", "lake.flights_history", "flights"
  change::Sum sum;
  std::uint64_t behind =
      0;               ///< events of the log, or of the feed, that it has still to get
  bool rerun = false;  ///< compared with what its pipeline made when it ran again
  std::string tenant = {};  ///< whose it is alone; empty: everything
};

/// A slice of time in which a store does not hold what it should.
struct Finding {
  std::string stage;  ///< "source" (records), "log", "lake" or "table"
  std::string store;
  Slice slice;
  change::Sum expected, found;
  /// Event ids, at most ten each, where they could be told: `doubled` has those that are
  /// there too often, or should not be there.
  std::vector<std::string> missing, doubled, altered;
  std::string tenant = {};  ///< empty: of a store that does not belong to tenants
};

/// The way of a collection, or of a declared stream, through the stores. Each is compared
/// as far as it has come: with the log where it passes every field through, else with
/// what its pipeline makes of the log when it runs again.
struct CollectionVerdict {
  std::string collection;
  bool declared = false;          ///< a stream: the log is its source
  std::vector<StoreSum> history;  ///< changes: committed, logged, in lakes
  std::vector<StoreSum> state;    ///< newest per key: records, log, tables
  std::uint64_t dead_letters = 0;
  std::vector<std::string> left_out;  ///< what was not compared, and why
  std::vector<Finding> findings;
  /// Something was compared with nothing, since the project lacks its definition.
  bool undefined = false;

  bool Disagrees() const { return !findings.empty(); }
  bool Behind() const;
  std::string_view Name() const;  ///< "agrees", "behind", "incomplete" or "disagrees"
};

struct Verdict {
  TimestampUs slice_width = 0;
  std::vector<CollectionVerdict> collections;
  bool Disagrees() const;
  bool Incomplete() const;
  bool Behind() const;
  std::string_view Name() const;
  std::string ToJson() const;
  std::string ToText() const;
  /// Lines "<collection> <stage> <store> <missing> <extra> <slices>" of every store that
  /// was compared: what the server's metrics show.
  std::string ToLines() const;
};

struct VerifyOptions {
  TimestampUs slice = 0;  ///< width of slices in microseconds; 0: by the range of time
  std::filesystem::path project;  ///< empty: that was last served on the data
};

/// Reads every store of a data directory through its public surface, beside a running
/// server or without one, and adds up what each holds by time of commit. Exact under
/// load: each store is compared up to the position that it has. Memory: about 100 bytes a
/// key and a letter, and 64 a change that capture has not brought to the log; where
/// pipelines run again, their SQL engine and lookups as well. Leaves its figures with the
/// server, if one runs.
Result<Verdict> Verify(const std::filesystem::path& data, const VerifyOptions& options);

}  // namespace millrace::app
