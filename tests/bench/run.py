#!/usr/bin/env python3
"""./dev bench [NAME ...] [--rounds N] [--scale X] [--smoke]: see docs/benchmarks.md."""

import argparse
import os
import sys
import time
import traceback

import harness
import rows_auth
import rows_backlog
import rows_lag
import rows_letters
import rows_live
import rows_process
import rows_records
import rows_rules
import rows_tokens
import rows_trace

ROWS = {**rows_records.ROWS, **rows_backlog.ROWS, **rows_lag.ROWS, **rows_live.ROWS,
        **rows_process.ROWS, **rows_trace.ROWS, **rows_letters.ROWS, **rows_auth.ROWS,
        **rows_tokens.ROWS, **rows_rules.ROWS}
# Peers that are built from the registries, a lake's roll of a minute, and a demo that tests/e2e runs.
NOT_IN_SMOKE = ("auth-nest", "create-rules-pocketbase", "backlog-memory", "demo-memory")
SMOKE_SCALE = 0.001


def smoke(names):
    """CI's: each row runs once, with next to nothing, and its figure is not looked at."""
    harness.OPTIONS.smoke, harness.OPTIONS.rounds, harness.OPTIONS.scale = True, 1, SMOKE_SCALE
    begin, failed = time.monotonic(), 0
    for name in names or [name for name in ROWS if name not in NOT_IN_SMOKE]:
        row = time.monotonic()
        try:
            ROWS[name](harness.Report([]))
            print(f"ran {name}: {time.monotonic() - row:.1f} s", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
    ran = len(names or ROWS.keys() - set(NOT_IN_SMOKE)) - failed
    print(f"{ran} passed, {failed} failed in {time.monotonic() - begin:.2f}s")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description="Measurements, as ratios of one run.",
                                     epilog="names: " + " ".join(ROWS))
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows to measure (all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of seconds and rows: 0.1 to try something out")
    parser.add_argument("--smoke", action="store_true", help="whether each row runs at all, without figures")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in ROWS]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}; there are {' '.join(ROWS)}")
    if arguments.smoke:
        return smoke(arguments.names)
    harness.OPTIONS.rounds, harness.OPTIONS.scale = arguments.rounds, arguments.scale
    harness.build()
    machine = harness.machine()
    print(f"# {machine['at']} commit {machine['commit']}{' with changes' if machine['changed'] else ''}, "
          f"{machine['cores']} x {machine['cpu']}, kernel {machine['kernel']}, load {os.getloadavg()[0]:.2f}", flush=True)
    report = harness.Report(sys.argv[1:])
    failed = []
    for name in arguments.names or ROWS:
        try:
            ROWS[name](report)
        except Exception as error:  # one row's trouble is not the others'
            failed.append(name)
            print(f"FAILED {name}: {error}", flush=True)
    path = report.save()
    losers = [row["name"] for row in report.rows if not row["met"]]
    print(f"# {len(report.rows) - len(losers)} of {len(report.rows)} as asked"
          + (f"; not: {', '.join(losers)}" if losers else "")
          + (f"; without a figure: {', '.join(failed)}" if failed else "")
          + f"; raw figures in {path.relative_to(harness.ROOT)}; load {os.getloadavg()[0]:.2f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
