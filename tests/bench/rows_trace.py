"""Where is my event, among millions?"""

import random
import statistics
import time

import harness
import millrace
import projects
from harness import rounds, scaled

MILLION = 1_000_000


def ask(data, positions):
    """Milliseconds of each `millrace trace`, from exec to its end."""
    times = []
    for position in positions:
        begin = time.monotonic()
        out = millrace.run("trace", f"records:00000000:{position:016x}", "--data", data, "--json").stdout
        times.append((time.monotonic() - begin) * 1e3)
        if '"log":{"state":"logged"' not in out or '"result":"row"' not in out:
            raise RuntimeError(f"not traced: {out}")
    return times


def trace_round(backlog, number):
    chosen = random.Random(number).sample(range(1, backlog.made["position"]), 100)
    # Orders alone: nobody reads the customers' stream.
    chosen = [position for position in chosen if position > projects.CUSTOMERS_OF_A_BACKLOG]
    with millrace.Server(backlog.project, backlog.data) as server:
        served = ask(backlog.data, chosen)
        server.stop()
    stopped = ask(backlog.data, chosen[:10])
    return {"p50_ms": statistics.median(served), "worst_ms": max(served), "stopped_ms": statistics.median(stopped)}


def trace(report):
    events = scaled(10 * MILLION)
    backlog = projects.Backlog(harness.directory("trace"), {"orders_lake": projects.lake_pipeline(), "orders_now": projects.table_pipeline()},
                               events, updates=20)
    with millrace.Server(backlog.project, backlog.data) as server:
        # What is in the lake's open file when the rest is read appears with the stop.
        millrace.wait_until(lambda: all(sink["lag_events"] <= (0 if sink["sink"].startswith("table.") else MILLION)
                                        for pipeline in millrace.status(backlog.data) for sink in pipeline["sinks"]),
                            3600, 1, "the sinks to read it all")
        time.sleep(5)
        server.stop(300)
    done = rounds(lambda number: trace_round(backlog, number), watch=())
    worst, median = max(done.values("worst_ms")), done.median("p50_ms")
    report.add("trace", "millrace trace EVENT, exec to end, among 10 M events", "<= 100 ms each",
               f"{median:.0f} ms, worst {worst:.0f} ms", worst <= 100, "./dev bench trace", done,
               f"{events:,} orders in log, lake and table, 20 % updated; by event id, server running; "
               f"on the stopped directory {done.median('stopped_ms'):.0f} ms, which opens every store")


ROWS = {"trace": trace}
