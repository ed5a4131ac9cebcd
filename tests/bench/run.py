#!/usr/bin/env python3
"""./dev bench [NAME ...] [--rounds N] [--scale X]: see docs/benchmarks.md."""

import argparse
import os
import sys

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


def main():
    parser = argparse.ArgumentParser(description="Measurements, as ratios of one run.",
                                     epilog="names: " + " ".join(ROWS))
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows to measure (all)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of seconds and rows: 0.1 to try something out")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in ROWS]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}; there are {' '.join(ROWS)}")
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
