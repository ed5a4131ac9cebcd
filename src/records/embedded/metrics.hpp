#pragma once

#include <memory>

#include "telemetry/metrics.hpp"

namespace millrace::records {

/// What the record store tells an operator.
struct Metrics {
  /// Without a registry the figures are counted for nobody.
  explicit Metrics(telemetry::Registry* given)
      : own(given == nullptr ? std::make_unique<telemetry::Registry>() : nullptr),
        registry(given == nullptr ? *own : *given),
        changes(registry.AddCounter("records_changes_total", "Changes committed")),
        replayed(registry.AddCounter("records_replayed_answers_total",
                                     "Answers given again under an idempotency key")),
        refused(registry.AddCounter("records_refused_requests_total",
                                    "Requests refused: queue full, disk full, stopped")),
        failed_groups(registry.AddCounter("records_failed_commits_total",
                                          "Groups rolled back: full disk, I/O error")),
        trimmed(registry.AddCounter("records_trimmed_changes_total",
                                    "Change rows removed after capture")),
        commit(registry.AddDurations("records_commit_seconds",
                                     "Commit of one group, fdatasync included")),
        group(registry.AddSizes("records_group_requests", "Requests in one commit")),
        log_pages(registry.AddGauge("records_wal_pages",
                                    "Pages in the write-ahead log at the last commit")) {}

  std::unique_ptr<telemetry::Registry> own;
  telemetry::Registry& registry;
  telemetry::Counter& changes;
  telemetry::Counter& replayed;
  telemetry::Counter& refused;
  telemetry::Counter& failed_groups;
  telemetry::Counter& trimmed;
  telemetry::Histogram& commit;
  telemetry::Histogram& group;
  telemetry::Gauge& log_pages;
};

}  // namespace millrace::records
