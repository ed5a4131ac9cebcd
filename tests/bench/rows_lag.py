"""From a 201 to the row in the warehouse, at a steady rate, while a merge runs."""

import statistics
import threading
import time

import harness
import millrace
import projects
from harness import load, rounds, scaled
from rows_records import PATH

RATE = 1_000
MAX_WAIT_MS = 50
TABLE = "/api/tables/orders/rows"


class Observer(threading.Thread):
    """A client of its own: creates a record, and asks for its row with the version that the
    answer named. What it sees includes the question itself, which Null measures."""

    def __init__(self, port, seconds, pause=0.1):
        super().__init__()
        self.api, self.seconds, self.pause = millrace.Api(port), seconds, pause
        self.waits, self.questions, self.error = [], [], None

    def run(self):
        try:
            end = time.monotonic() + self.seconds
            number = 0
            while time.monotonic() < end:
                self.waits.append(self.one(f"seen-{time.time_ns()}-{number}"))
                number += 1
                time.sleep(self.pause)
        except Exception as error:
            self.error = error

    def one(self, key):
        body = projects.KEYED_RECORD.replace("order-{n}", key).replace("{n}", "0").replace("{m}", "00007")
        answer = self.api.post(PATH, body)
        answered = time.monotonic()
        if answer.status != 201:
            raise RuntimeError(answer)
        rows = self.ask(key, answer.json["_version"])
        waited = (time.monotonic() - answered) * 1e3
        if rows.status != 200 or len(rows.json["items"]) != 1:
            raise RuntimeError(rows)
        self.key, self.version = key, answer.json["_version"]
        return waited

    def ask(self, key, version):
        return self.api.get(f"{TABLE}?order_id=eq.{key}&at_least={version}")

    def null(self, count=20):
        """The question when nothing is to be waited for."""
        times = []
        for _ in range(count):
            begin = time.monotonic()
            self.ask(self.key, self.version)
            times.append((time.monotonic() - begin) * 1e3)
        return statistics.median(times)


def info(server):
    return next(t for t in server.api.get("/api/tables").json["items"] if t["table"] == "orders")


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def prepare(path, rows, seconds):
    """A table of `rows` rows whose delta is just short of what makes a merge due."""
    backlog = projects.Backlog(path, {"orders_now": projects.table_pipeline()}, rows)
    projects.write(path, projects.NOTED_ORDERS, {"orders_now": projects.table_pipeline()})
    with millrace.Server(backlog.project, backlog.data) as server:
        millrace.wait_drained(backlog.data, 600)
        state = info(server)
        due = max(200_000, state["base_rows"] // 4)
        missing = due - state["delta_rows"] - RATE * seconds // 2
        if missing > 0:
            load(server.port, method="POST", path=PATH, body=projects.RECORD, batch=500, connections=4,
                 requests=max(1, missing // 500))
            millrace.wait_drained(backlog.data, 120)
        server.stop()
    return backlog


def lag_round(number, rows, seconds):
    backlog = prepare(harness.directory("lag"), rows, seconds)
    with millrace.Server(backlog.project, backlog.data) as server:
        before = info(server)
        observer = Observer(server.port, seconds)
        observer.start()
        cpu = server.cpu_seconds()
        sent = load(server.port, method="POST", path=PATH, body=projects.RECORD, rate=RATE, seconds=seconds)
        observer.join()
        if observer.error:
            raise observer.error
        millrace.wait_drained(backlog.data, 60)
        cpu = server.cpu_seconds() - cpu
        own = millrace.status(backlog.data)[0]["lag_ms"]
        after = info(server)
        null = observer.null()
        server.stop()
    return {"p50_ms": own["p50"], "p99_ms": own["p99"], "outside_p50_ms": quantile(observer.waits, 0.5),
            "outside_p99_ms": quantile(observer.waits, 0.99), "outside_max_ms": max(observer.waits), "null_ms": null,
            "merges": after["merges"] - before["merges"], "merge_s": after["last_merge_seconds"],
            "rows": after["base_rows"] + after["delta_rows"], "create_p50_ms": sent["p50_us"] / 1e3,
            "create_p99_ms": sent["p99_us"] / 1e3, "cpu_share": cpu / seconds, "waits": observer.waits}


def lag(report):
    seconds = scaled(60, 5)
    done = rounds(lambda number: lag_round(number, scaled(1_000_000, 250_000), seconds), watch=("fdatasync_p50_us",))
    asked = MAX_WAIT_MS + 4 * done.limit("fdatasync_p50_us") / 1e3 + 8
    p50, p99 = done.median("p50_ms"), done.median("p99_ms")
    merged = min(done.values("merges"))
    report.add("lag", f"201 -> row visible, {RATE} creates/s for {seconds} s, a merge inside, table of 1 M rows",
               f"p50 <= {asked:.0f} ms; p99 <= {5 * asked:.0f} ms", f"p50 {p50:.0f} ms; p99 {p99:.0f} ms",
               p50 <= asked and p99 <= 5 * asked and merged >= 1, "./dev bench lag", done,
               f"by the server, commit to visible; an outside client at 10/s saw p50 {done.median('outside_p50_ms'):.0f}, "
               f"p99 {done.median('outside_p99_ms'):.0f}, worst {max(done.values('outside_max_ms')):.0f} ms, of which "
               f"{done.median('null_ms'):.0f} ms is the question itself; at least {merged} merges, "
               f"{done.median('merge_s'):.1f} s; create p50 {done.median('create_p50_ms'):.1f}, p99 {done.median('create_p99_ms'):.1f} ms; "
               f"server CPU {done.median('cpu_share') * 100:.0f} % of a core")


ROWS = {"lag": lag}
