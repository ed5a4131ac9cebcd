"""Durable creates over HTTP, gets, and appends to the log."""

import re
import statistics
import time

import harness
import millrace
import projects
from harness import load, program, rounds, scaled

PATH = "/api/collections/orders/records"


def metric(server, name):
    found = re.search(rf"^\S*{name}(?:\{{[^}}]*\}})? (\S+)$", server.api.get("/metrics").body.decode(), re.M)
    return float(found.group(1)) if found else 0.0


def mean_group(server, before=(0, 0)):
    """Requests in a commit since `before`, and the counters now."""
    now = metric(server, "records_group_requests_sum"), metric(server, "records_group_requests_count")
    return (now[0] - before[0]) / max(1, now[1] - before[1]), now


def bare(data, path, group):
    """The same rows by the bare loop."""
    new = path / "bare"
    new.mkdir(exist_ok=True)
    for file in new.iterdir():
        file.unlink()
    return program("bare_sqlite", data / "records.db", new / "bare.db", "orders", group)


def create_round(name, batch, seconds):
    path = harness.directory(name)
    project = projects.write(path, projects.NOTED_ORDERS)
    with millrace.Server(project, path / "data") as server:
        warm = load(server.port, method="POST", path=PATH, body=projects.RECORD, batch=batch, seconds=1)
        _, counters = mean_group(server)
        cpu = server.cpu_seconds()
        ours = load(server.port, method="POST", path=PATH, body=projects.RECORD, batch=batch, seconds=seconds)
        cpu = server.cpu_seconds() - cpu
        group, _ = mean_group(server, counters)
        server.stop()
    limit = bare(path / "data", path, group * batch)
    if limit["rows"] != warm["records"] + ours["records"]:
        raise RuntimeError(f"{limit['rows']} rows for {warm['records'] + ours['records']} answered creates")
    per_s = ours["records"] / ours["seconds"]
    return {"cpu_us": cpu * 1e6 / ours["records"], "per_s": per_s, "bare_per_s": limit["rows_per_s"],
            "ratio": per_s / limit["rows_per_s"], "bare_cpu_us": limit["cpu_us"], "group": group,
            "p50_ms": ours["p50_us"] / 1e3, "p99_ms": ours["p99_us"] / 1e3, "ours": ours, "bare": limit,
            "load_cpu_us": ours["load_cpu_s"] * 1e6 / ours["records"]}


def details(done):
    return (f"{done.median('per_s'):,.0f}/s against {done.median('bare_per_s'):,.0f}/s bare; CPU a record {done.median('cpu_us'):.1f} us"
            f" (bare {done.median('bare_cpu_us'):.1f}, load {done.median('load_cpu_us'):.1f}); {done.median('group'):.1f} requests a commit;"
            f" p50 {done.median('p50_ms'):.1f} ms, p99 {done.median('p99_ms'):.1f} ms")


def create(report):
    done = rounds(lambda _: create_round("create", 1, scaled(8)))
    cpu, ratio = done.median("cpu_us"), done.median("ratio")
    report.add("create", "durable create over HTTP, 64 connections, one record a POST", "<= 30 us CPU; >= 0.3 of bare",
               f"{cpu:.1f} us CPU; {ratio:.2f} of bare", cpu <= 30 and ratio >= 0.3, "./dev bench create", done, details(done))


def create_batch(report):
    done = rounds(lambda _: create_round("create_batch", 100, scaled(8)))
    ratio = done.median("ratio")
    report.add("create-batch", "the same, 100 records a POST", ">= 0.6 of bare", f"{ratio:.2f} of bare", ratio >= 0.6,
               "./dev bench create-batch", done, details(done))


def pipelines_round(seconds):
    path = harness.directory("create_pipelines")
    project = projects.write(path, projects.NOTED_ORDERS, {
        "orders_lake": projects.lake_pipeline("2s", projects.PLAIN_SELECT), "orders_now": projects.table_pipeline()})
    data = path / "data"
    with millrace.Server(project, data) as server:
        projects.add_customers(server)
        load(server.port, method="POST", path=PATH, body=projects.RECORD, seconds=1)
        millrace.wait_drained(data)
        cpu = server.cpu_seconds()
        ours = load(server.port, method="POST", path=PATH, body=projects.RECORD, seconds=seconds)
        ended = time.monotonic()
        during = server.cpu_seconds() - cpu
        millrace.wait_drained(data, 120)
        drain = time.monotonic() - ended
        cpu = server.cpu_seconds() - cpu
        rows = millrace.sql(data, "SELECT (SELECT count(*) FROM orders) AS t, (SELECT count(*) FROM lake.orders_history) AS l")
        accepted = metric(server, "records_changes_total") - 100_000
        server.stop()
    if not rows[0]["t"] == rows[0]["l"] == accepted:
        raise RuntimeError(f"{accepted} creates, but {rows}")
    return {"cpu_us": cpu * 1e6 / ours["records"], "load_phase_cpu_us": during * 1e6 / ours["records"], "drain_s": drain,
            "per_s": ours["per_s"], "p50_ms": ours["p50_us"] / 1e3, "p99_ms": ours["p99_us"] / 1e3, "ours": ours}


def create_pipelines(report):
    done = rounds(lambda _: pipelines_round(scaled(8)))
    cpu, drain = done.median("cpu_us"), max(done.values("drain_s"))
    report.add("create-pipelines", "the same with two pipelines (lake; table with one lookup)",
               "<= 60 us CPU all in; drained within 5 s", f"{cpu:.1f} us CPU; drained after {drain:.1f} s at worst",
               cpu <= 60 and drain <= 5, "./dev bench create-pipelines", done,
               f"{done.median('per_s'):,.0f} creates/s; p50 {done.median('p50_ms'):.1f} ms, p99 {done.median('p99_ms'):.1f} ms; "
               f"lake rolls every 2 s, so that an open roll is not what is waited for; rows of table and lake counted")


def get(report):
    path = harness.directory("get")
    keys = scaled(20_000, 100)
    with millrace.Server(projects.write(path, projects.NOTED_ORDERS), path / "data") as server:
        load(server.port, method="POST", path=PATH, body=projects.KEYED_RECORD, batch=100, requests=keys // 100, connections=4)

        def measure(**what):
            cpu = server.cpu_seconds()
            answer = load(server.port, seconds=scaled(4), **what)
            return (server.cpu_seconds() - cpu) * 1e6 / answer["requests"], answer

        def one_round(number):
            kinds = {"static": {"path": "/livez"}, "get": {"path": PATH + "/order-{n}", "keys": keys}}
            result = {}
            for kind in sorted(kinds, reverse=number % 2 == 0):
                result[kind + "_us"], answer = measure(**kinds[kind])
                result[kind + "_per_s"] = answer["per_s"]
            return {**result, "ratio": result["get_us"] / result["static_us"]}

        one_round(0)  # caches
        done = rounds(one_round, watch=("loop_cpu_us",))
        server.stop()
    ratio = done.median("ratio")
    report.add("get", "get by key against GET /livez, 64 connections", "<= 4x the CPU of a static answer", f"{ratio:.2f}x",
               ratio <= 4, "./dev bench get", done,
               f"{done.median('get_us'):.1f} us CPU against {done.median('static_us'):.1f}; "
               f"{done.median('get_per_s'):,.0f}/s against {done.median('static_per_s'):,.0f}/s; {keys} keys, scattered")


CLICK = '{"user_id":"u0{m}","url":"https://example.org/products/{n}?from=search","referrer":"https://example.org/search","seconds":7}'
CLICKS = """
stream: clicks
fields:
  user_id:  {type: text, required: true}
  url:      {type: text, max_length: 2000}
  referrer: text
  seconds:  integer
"""


def streams_round(seconds):
    path = harness.directory("streams")
    project = millrace.write_project(path / "project", {}, streams={"clicks": CLICKS})
    with millrace.Server(project, path / "data") as server:
        what = {"method": "POST", "path": "/api/streams/clicks/events", "body": CLICK, "batch": 100}
        load(server.port, seconds=1, **what)
        cpu = server.cpu_seconds()
        ours = load(server.port, seconds=seconds, **what)
        cpu = server.cpu_seconds() - cpu
        stored = server.api.get("/api/streams/clicks").json
        server.stop()
    bytes_each = round(stored["bytes"] / stored["next"])
    answer = program("log_append", harness.directory("log"), 1, scaled(300, 20), bytes_each)
    limit = next(entry for entry in answer["log_append"] if entry["batch"] == 1024)["ours_events_s"]
    per_s = ours["records"] / ours["seconds"]
    return {"ratio": per_s / limit, "per_s": per_s, "limit": limit, "bytes": bytes_each, "cpu_us": cpu * 1e6 / ours["records"],
            "load_cpu_us": ours["load_cpu_s"] * 1e6 / ours["records"], "p50_ms": ours["p50_us"] / 1e3, "p99_ms": ours["p99_us"] / 1e3}


def streams(report):
    done = rounds(lambda _: streams_round(scaled(8)))
    ratio = done.median("ratio")
    report.add("streams", "events into a stream over HTTP, 64 connections, 100 a POST", ">= 0.5 of the log's appends",
               f"{ratio:.2f} of the log's appends", ratio >= 0.5, "./dev bench streams", done,
               f"{done.median('per_s'):,.0f}/s against {done.median('limit'):,.0f}/s appended in process, 1,024 a batch of {done.median('bytes'):.0f} B; "
               f"CPU an event {done.median('cpu_us'):.2f} us (load {done.median('load_cpu_us'):.2f}); p50 {done.median('p50_ms'):.1f} ms, p99 {done.median('p99_ms'):.1f} ms")


def log_append(report):
    def one_round(_):
        answer = program("log_append", harness.directory("log"), 1, scaled(300, 20))
        return {f"{name}_{entry['batch']}": entry[name] for entry in answer["log_append"]
                for name in ("ratio", "ours_events_s", "bare_events_s")}

    done = rounds(one_round, watch=("fdatasync_p50_us",))
    small, large = done.median("ratio_64"), done.median("ratio_1024")
    report.add("log", "log append in process, 256 B, batches of 64 and 1,024", ">= 0.8 of bare write+fdatasync",
               f"{small:.2f} and {large:.2f} of bare", min(small, large) >= 0.8, "./dev bench log", done,
               f"{done.median('ours_events_s_64'):,.0f} and {done.median('ours_events_s_1024'):,.0f} events/s; "
               f"bare {done.median('bare_events_s_64'):,.0f} and {done.median('bare_events_s_1024'):,.0f}; "
               "above 1: segments are written into space taken ahead, the bare file grows")


ROWS = {"create": create, "create-pipelines": create_pipelines, "create-batch": create_batch, "get": get, "log": log_append, "streams": streams}
