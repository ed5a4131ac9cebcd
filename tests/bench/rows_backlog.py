"""Backlogs: events that lie in the log before the server starts, one core."""

import resource
import statistics
import subprocess
import time

import duck_columns
import harness
import millrace
import projects
from harness import OPTIONS, peer, rounds, scaled

ONE_CORE = ("taskset", "-c", "0")
CUSTOMERS = 100_000
ROW_GROUP = 61_440
MILLION = 1_000_000


def watch_until_done(server, backlog, each=None, pause=0.25, seconds=3600):
    """Polls until nothing lags; `each` gets what was seen."""
    deadline = time.monotonic() + seconds
    while True:
        pipelines = millrace.status(backlog.data)
        if each:
            each(pipelines)
        broken = [p for p in pipelines if p["state"] not in ("starting", "running", "retrying")]
        if broken:
            raise RuntimeError(f"{broken}")
        if all(p["lag_events"] == 0 and p["position"] >= backlog.orders for p in pipelines):
            return pipelines
        if time.monotonic() > deadline:
            raise RuntimeError(f"not done within {seconds} s: {pipelines}")
        if server.process.poll() is not None:
            raise RuntimeError("the server ended: " + server.errors())
        time.sleep(pause)


def lake_round(backlog, number):
    backlog.forget()
    ours = {}

    def run_ours():
        begin = time.monotonic()
        with millrace.Server(backlog.project, backlog.data, prefix=ONE_CORE) as server:
            pipelines = watch_until_done(server, backlog)
            ours.update(seconds=time.monotonic() - begin, cpu_s=server.cpu_seconds(),
                        rss_mb=harness.memory(server.pid)[1], dead=pipelines[0]["dead_letters"])
            server.stop()

    out = backlog.path / "peer.parquet"
    peers = []
    steps = [run_ours, lambda: peers.append(peer("copy", backlog.path, CUSTOMERS + 1, out, ROW_GROUP, prefix=ONE_CORE))]
    for step in steps if number % 2 == 0 else reversed(steps):
        step()
    ours_rows = peer("parquet", backlog.data / "lake" / "orders_history" / "part-*.parquet")
    peer_rows = peer("parquet", out)
    if ours_rows["rows"] != peer_rows["rows"]:
        raise RuntimeError(f"outputs differ: {ours_rows} and {peer_rows}")
    scale = MILLION / backlog.orders
    return {"cpu_s": ours["cpu_s"] * scale, "peer_cpu_s": peers[0]["cpu_s"] * scale,
            "ratio": ours["cpu_s"] / peers[0]["cpu_s"], "ours": ours, "peer": peers[0],
            "row_groups": [ours_rows["row_groups"], peer_rows["row_groups"]]}


def backlog_lake(report):
    backlog = projects.Backlog(harness.directory("backlog_lake"), {"orders_lake": projects.lake_pipeline(roll_rows=scaled(MILLION))},
                               scaled(MILLION), ndjson=True)
    done = rounds(lambda number: lake_round(backlog, number), watch=("loop_cpu_us",))
    ours, theirs = done.median("cpu_s"), done.median("peer_cpu_s")
    wall = statistics.median(r["ours"]["seconds"] for r in done), statistics.median(r["peer"]["seconds"] for r in done)
    report.add("backlog-lake", "1 M change events, 100 k-row lookup, zstd Parquet, one core",
               "<= 4 CPU-s; less than DuckDB", f"{ours:.2f} CPU-s; {done.median('ratio'):.2f} of DuckDB's {theirs:.2f}",
               ours <= 4 and done.median("ratio") < 1, "./dev bench backlog-lake", done,
               f"whole process from exec on: {wall[0]:.1f} s, DuckDB's statement alone {wall[1]:.1f} s; "
               f"{backlog.made['mean_event_bytes']:.0f} B an event; row groups {done[0]['row_groups']}; outputs equal by content")


class Progress:
    """CPU at each million of events, between the samples by straight line."""

    def __init__(self, server):
        self.server, self.samples = server, [(0, 0.0)]

    def __call__(self, pipelines):
        self.samples.append((min(p["position"] for p in pipelines), self.server.cpu_seconds()))

    def at(self, position):
        before = (0, 0.0)
        for sample in self.samples:
            if sample[0] >= position:
                if sample[0] == before[0]:
                    return sample[1]
                share = (position - before[0]) / (sample[0] - before[0])
                return before[1] + share * (sample[1] - before[1])
            before = sample
        return before[1]


def table_round(backlog, expected):
    backlog.forget()
    with millrace.Server(backlog.project, backlog.data, prefix=ONE_CORE) as server:
        progress = Progress(server)
        watch_until_done(server, backlog, progress)
        cpu, (_, peak) = server.cpu_seconds(), harness.memory(server.pid)
        merges = tables(server)["orders"]
        server.stop()
    rows = millrace.sql(backlog.data, f"SELECT count(*) AS n, sum(hash(t)::HUGEINT)::VARCHAR AS h FROM "
                                      f"(SELECT {duck_columns.OUTPUT} FROM orders) t", timeout=1200)[0]
    if f"{rows['n']}:{rows['h']}" != expected:
        raise RuntimeError(f"the table holds {rows}, expected {expected}")
    millions = [progress.at((i + 1) * MILLION * OPTIONS.scale) - progress.at(i * MILLION * OPTIONS.scale)
                for i in range(round(backlog.orders / (MILLION * OPTIONS.scale)))]
    return {"cpu_s": cpu * MILLION / backlog.orders, "millions": [m / OPTIONS.scale for m in millions],
            "worst_merge_s": merges["worst_merge_seconds"], "merges": merges["merges"], "rss_mb": peak}


def tables(server):
    return {table["table"]: table for table in server.api.get("/api/tables").json["items"]}


def backlog_table(report):
    events = scaled(5 * MILLION)
    backlog = projects.Backlog(harness.directory("backlog_table"), {"orders_now": projects.table_pipeline()},
                               events, updates=20, ndjson=True)
    expected = peer("newest", backlog.path, CUSTOMERS + 1)["rows"]
    (backlog.path / "orders.ndjson").unlink()
    done = rounds(lambda _: table_round(backlog, expected), watch=("loop_cpu_us",), attempts=OPTIONS.rounds + 1)
    cpu = done.median("cpu_s")
    millions = [statistics.median(r["millions"][i] for r in done) for i in range(len(done[0]["millions"]))]
    flat = millions[-1] / max(millions[0], 1e-9)
    report.add("backlog-table", "the same into a table, hashed keys, 20 % updates, 4 M rows at the end",
               "<= 7 CPU-s per million, flat", f"{cpu:.2f} CPU-s per million; by million " + " ".join(f"{m:.1f}" for m in millions),
               cpu <= 7 and max(millions) <= 7, "./dev bench backlog-table", done,
               f"last/first {flat:.2f}; worst merge {max(done.values('worst_merge_s')):.2f} s of {done.median('merges'):.0f}; "
               f"peak RSS {done.median('rss_mb'):.0f} MB; {expected.split(':')[0]} rows; content as DuckDB has it")


def command_cpu(*args):
    """CPU seconds of a whole process, from exec to exit."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*ONE_CORE, str(millrace.BINARY), *map(str, args)], check=True, capture_output=True, timeout=3600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def replay_round(backlog):
    """Both commands end with closed stores: what is merged and written in the end belongs to either."""
    backlog.forget()
    where = ["--project", backlog.project, "--data", backlog.data]
    first = command_cpu("pipelines", "run", "orders_now", *where)
    begin = time.monotonic()
    cpu = command_cpu("pipelines", "replay", "orders_now", *where, "--quiet")
    scale = MILLION / backlog.orders
    return {"ratio": first / cpu, "first_cpu_s": first * scale, "cpu_s": cpu * scale, "seconds": time.monotonic() - begin}


def replay(report):
    backlog = projects.Backlog(harness.directory("backlog_replay"), {"orders_now": projects.table_pipeline()}, scaled(MILLION), updates=20)
    done = rounds(lambda _: replay_round(backlog), watch=("loop_cpu_us",))
    ratio = done.median("ratio")
    report.add("replay", "a table of 1 M events replayed, one core", ">= 0.9 of a backlog run's speed", f"{ratio:.2f} of a backlog run",
               ratio >= 0.9, "./dev bench replay", done,
               f"{done.median('cpu_s'):.2f} CPU-s per million, `pipelines run` {done.median('first_cpu_s'):.2f}; {done.median('seconds'):.1f} s")


def backlog_memory(report):
    backlog = projects.Backlog(harness.directory("backlog_memory"),
                               {"orders_now": projects.table_pipeline(), "orders_lake": projects.lake_pipeline()},
                               scaled(10 * MILLION), updates=20)
    samples = []
    with millrace.Server(backlog.project, backlog.data) as server:
        def sample(pipelines):
            samples.append((min(p["position"] for p in pipelines), harness.memory(server.pid)[0]))

        begin = time.monotonic()
        watch_until_done(server, backlog, sample)
        seconds, cpu, (_, peak) = time.monotonic() - begin, server.cpu_seconds(), harness.memory(server.pid)
        server.stop()
    half = backlog.orders / 2
    first = max(rss for position, rss in samples if position <= half)
    second = max(rss for position, rss in samples if position > half)
    growth = second / first - 1
    report.add("backlog-memory", "RSS over a backlog of 10 M events into a table and a lake", "<= 400 MB; < 5 % growth in the second half",
               f"{peak:.0f} MB peak; {growth * 100:+.1f} %", peak <= 400 and growth < 0.05, "./dev bench backlog-memory",
               {"samples": samples}, f"highest of each half {first:.0f} and {second:.0f} MB; {seconds:.0f} s, "
               f"{cpu / backlog.orders * MILLION:.1f} CPU-s per million for both")


ROWS = {"backlog-lake": backlog_lake, "backlog-table": backlog_table, "backlog-memory": backlog_memory,
        "replay": replay}
