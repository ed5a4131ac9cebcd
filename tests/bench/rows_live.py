"""Live subscriptions: from the commit to those who follow, and what it costs to wait."""

import json
import subprocess
import time

import harness
import millrace
import projects
from harness import load, rounds, scaled
from rows_records import PATH

RATE = 1_000
FOLLOWERS = 100
WAITERS = 10_000
ALLOWED_MS = 10


class Following:
    """`bench_follow` beside the measured thing; ready when all are answered."""

    def __init__(self, port, connections, seconds, query="", tokens=None, path=PATH + "/live", topic=None):
        more = [*(["--tokens", str(tokens)] if tokens else []), *(["--topic", topic] if topic else [])]
        self.process = subprocess.Popen(
            [str(harness.BUILD / "bench" / "bench_follow"), "--port", str(port), "--path", path + query,
             "--connections", str(connections), "--seconds", str(seconds), *more], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "following\n":
            raise RuntimeError(f"follow ended: {self.process.wait(30)}")

    def report(self):
        out = json.loads(self.process.stdout.readline())
        self.process.wait(30)
        self.process.stdout.close()
        if out["closed"]:
            raise RuntimeError(f"{out['closed']} connections were cut")
        return out


def live_round(number, project, path, seconds):
    with millrace.Server(project, path / f"data{number}") as server:
        following = Following(server.port, FOLLOWERS, seconds + 2)
        cpu = server.cpu_seconds()
        sent = load(server.port, method="POST", path=PATH, body=projects.RECORD, rate=RATE, seconds=seconds)
        cpu = server.cpu_seconds() - cpu
        seen = following.report()
        server.stop()
    if seen["messages"] != FOLLOWERS * sent["requests"]:
        raise RuntimeError(f"{seen['messages']} messages of {FOLLOWERS * sent['requests']}")
    return {"p50_ms": seen["p50_us"] / 1e3, "p99_ms": seen["p99_us"] / 1e3, "max_ms": seen["max_us"] / 1e3,
            "messages": seen["messages"], "cpu_share": cpu / seconds,
            "client_share": seen["cpu_seconds"] / seconds, "create_p50_ms": sent["p50_us"] / 1e3,
            "create_p99_ms": sent["p99_us"] / 1e3}


def live(report):
    path = harness.directory("live")
    project, seconds = projects.write(path, projects.NOTED_ORDERS, {}), scaled(20, 3)
    done = rounds(lambda number: live_round(number, project, path, seconds), watch=("fdatasync_p50_us",))
    asked = 5 * done.limit("fdatasync_p50_us") / 1e3 + ALLOWED_MS
    p99 = done.median("p99_ms")
    report.add("live", f"change -> SSE client, {RATE} changes/s, {FOLLOWERS} subscribers, {seconds} s", f"p99 <= {asked:.1f} ms",
               f"p99 {p99:.1f} ms", p99 <= asked, "./dev bench live", done,
               f"from the commit's time to the last of {FOLLOWERS} clients of one thread; p50 {done.median('p50_ms'):.1f}, worst "
               f"{max(done.values('max_ms')):.0f} ms; create p50 {done.median('create_p50_ms'):.1f}, p99 "
               f"{done.median('create_p99_ms'):.1f} ms; CPU of a core: server {done.median('cpu_share') * 100:.0f} %, "
               f"clients {done.median('client_share') * 100:.0f} %")


def idle_round(number, project, path, seconds):
    args = ["--set", f"http.connections={WAITERS + 100}"]
    with millrace.Server(project, path / f"data{number}", args=args) as server:
        time.sleep(1)
        before = harness.memory(server.pid)[0]
        following = Following(server.port, WAITERS, seconds + 2, "?status=eq.shipped")
        cpu, begin = server.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        cpu = (server.cpu_seconds() - cpu) / (time.monotonic() - begin)
        rss = harness.memory(server.pid)[0]
        following.report()
        server.stop()
    return {"rss_mb": rss, "more_mb": rss - before, "kb_each": (rss - before) * 1e3 / WAITERS, "cpu_percent": cpu * 100}


def idle(report):
    path = harness.directory("live-idle")
    project, seconds = projects.write(path, projects.NOTED_ORDERS, {}), scaled(45, 5)
    done = rounds(lambda number: idle_round(number, project, path, seconds), watch=())
    more, cpu = done.median("more_mb"), done.median("cpu_percent")
    report.add("live-idle", f"{WAITERS:,} live subscribers to whom nothing happens, {seconds} s with heartbeats",
               "RSS <= 40 MB more; CPU <= 3 %", f"{more:.0f} MB; {cpu:.1f} %", more <= 40 and cpu <= 3, "./dev bench live-idle", done,
               f"{done.median('kb_each'):.1f} kB each; {done.median('rss_mb'):.0f} MB in all")


ROWS = {"live": live, "live-idle": idle}
