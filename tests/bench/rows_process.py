"""The process itself: start, memory, and what it costs while nothing happens."""

import json
import os
import select
import signal
import subprocess
import time

import harness
import millrace
import projects
from harness import OPTIONS, rounds, scaled


def start_round(project, data):
    begin = time.monotonic()
    server = millrace.Server(project, data)
    seconds = time.monotonic() - begin
    with server:
        cpu = server.cpu_seconds()
        server.stop()
    return {"ready_ms": seconds * 1e3, "cpu_ms": cpu * 1e3}


def start(report):
    """On data of a real use: a lake, a table, a lookup, records, a log."""
    path = harness.directory("start")
    project = projects.write(path, projects.NOTED_ORDERS, {
        "orders_lake": projects.lake_pipeline("2s", projects.PLAIN_SELECT), "orders_now": projects.table_pipeline()})
    data = path / "data"
    with millrace.Server(project, data) as server:
        projects.add_customers(server)
        harness.load(server.port, method="POST", path="/api/collections/orders/records", body=projects.RECORD, batch=500,
                     connections=4, requests=scaled(400))
        millrace.wait_drained(data, 120)
        server.stop()
    millrace.Server(project, data).__exit__()
    done = rounds(lambda _: start_round(project, data))
    ready = done.median("ready_ms")
    report.add("start", "exec to ready on an existing data directory", "<= 150 ms", f"{ready:.0f} ms", ready <= 150,
               "./dev bench start", done, f"{scaled(400) * 500:,} orders and 100,000 customers in it; page cache warm; "
               f"{done.median('cpu_ms'):.0f} ms CPU; by round " + " ".join(f"{v:.0f}" for v in done.values("ready_ms")))


def idle(report):
    path = harness.directory("idle")
    project = projects.write(path, projects.NOTED_ORDERS, {
        "orders_lake": projects.lake_pipeline("60s", projects.PLAIN_SELECT), "orders_now": projects.table_pipeline()})

    def one_round(number):
        with millrace.Server(project, path / f"data{number}") as server:
            time.sleep(2)
            rss = harness.memory(server.pid)[0]
            cpu, begin = harness.thread_cpu_seconds(server.pid), time.monotonic()
            time.sleep(scaled(20, 2))
            cpu = (harness.thread_cpu_seconds(server.pid) - cpu) / (time.monotonic() - begin)
            server.stop()
        return {"rss_mb": rss, "cpu_percent": cpu * 100}

    done = rounds(one_round, watch=())
    rss, cpu = done.median("rss_mb"), done.median("cpu_percent")
    report.add("idle", "idle before the first event, two pipelines", "RSS <= 50 MB; CPU <= 0.2 %", f"{rss:.0f} MB; {cpu:.3f} %",
               rss <= 50 and cpu <= 0.2, "./dev bench idle", done)


def children(pid):
    out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [int(child) for child in out.split()]


def read_line(process, seconds):
    deadline, line = time.monotonic() + seconds, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
        chunk = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
        if not chunk:
            raise RuntimeError(f"the demo gave no report: {line[-500:]!r}")
        line += chunk
    return line


def demo_memory(report):
    """The demo stays up after its report; then its memory is read."""
    data = harness.directory("demo") / "data"
    process = subprocess.Popen([str(millrace.BINARY), "demo", "--json", "--data", str(data), "--port", "0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        answer = json.loads(read_line(process, 1800).decode().strip().splitlines()[-1])
        time.sleep(3)
        pids = [process.pid, *children(process.pid)]
        rss, peak = (sum(values) for values in zip(*map(harness.memory, pids)))
        cpu, begin = harness.thread_cpu_seconds(process.pid), time.monotonic()
        time.sleep(scaled(20, 2))
        idle_cpu = (harness.thread_cpu_seconds(process.pid) - cpu) / (time.monotonic() - begin) * 100
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    report.add("demo-memory", "RSS after a demo (January)", "<= 160 MB; CPU <= 0.2 %", f"{rss:.0f} MB; {idle_cpu:.3f} %",
               rss <= 160 and idle_cpu <= 0.2 and answer["agree"], "./dev bench demo-memory", {"demo": answer, "rss_mb": rss},
               f"peak {peak:.0f} MB; the demo {'agrees' if answer['agree'] else 'DISAGREES'}, took {answer['seconds']} s")


ROWS = {"start": start, "idle": idle, "demo-memory": demo_memory}
