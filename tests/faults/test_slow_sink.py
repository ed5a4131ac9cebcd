"""A sink that takes nothing for a minute: the API goes on, memory stays bounded, other sinks
are not held up, and everything arrives once it takes again."""

import socket
import time

import disks
import millrace
import oracle
from millrace import Server
from workload import Crew

BLOCKED = 60          # seconds; the issue asks for a minute
ANSWER_WITHIN = 5     # seconds for any write meanwhile; usual are milliseconds
# Bytes that a minute of load may add to a process that was quiet: the table's share of it is in memory until the
# warehouse folds its log (78 MB seen); a sink that kept the minute's events would need as much again.
MEMORY = 128 << 20


def sinks(data):
    return {f"{p['pipeline']}/{s['sink']}": s for p in millrace.status(data) for s in p["sinks"]}


def test_a_lake_without_room_for_a_minute(tmp_path, shop, data, journals, seed):
    crew = Crew(seed, journals)
    name = "orders_all/lake.orders_history"
    with Server(shop, data) as server:
        crew.run_for(server.port, 20)
        millrace.wait_drained(data)
        with disks.tmpfs(data / "lake" / "orders_history", 1) as covered:
            disks.fill(covered.place)
            begin = time.monotonic()
            crew.start(server.port)
            millrace.wait_until(lambda: sinks(data)[name]["state"] == "retrying", 30, what="the lake waits")
            rss = server.rss_bytes()
            start, acked = sinks(data), crew.acked
            millrace.wait_until(lambda: time.monotonic() - begin > BLOCKED, BLOCKED + 10, 0.5, "a minute")
            crew.join()
            # The other sinks have what the blocked one has not.
            millrace.wait_until(lambda: all(s["lag_events"] == 0 for n, s in sinks(data).items() if n != name), 30,
                                what="the other sinks are through")
            now = sinks(data)
            assert now[name]["position"] == start[name]["position"] and now[name]["lag_events"] > 0
            assert "retrying" == now[name]["state"] and now[name]["reason"]
            ready = server.api.get("/readyz")
            assert ready.status == 200 and any(p.get("reason") for p in ready.json["parts"]), "no warning in /readyz"
            assert server.rss_bytes() < rss + MEMORY
            assert crew.acked > acked + 1000 and max(w.slowest for w in crew.writers) < ANSWER_WITHIN
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]


def test_a_warehouse_that_takes_a_batch_a_second(fault_binary, shop, data, journals, seed):
    crew = Crew(seed, journals)
    env = {"MILLRACE_FAILPOINT": "warehouse.before_commit:sleep:1000"}
    with Server(shop, data, binary=fault_binary, env=env) as server:
        crew.start(server.port)
        millrace.wait_until(lambda: crew.acked > 2000, 60, what="load")
        crew.join()
        assert max(w.slowest for w in crew.writers) < ANSWER_WITHIN, "writers wait for the warehouse"
        assert max(s["lag_events"] for s in sinks(data).values()) > 0
        server.kill()
    with Server(shop, data) as server:
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]


def test_a_reader_that_stops_reading_holds_nobody_up(shop, data, journals, seed):
    crew = Crew(seed, journals, note_size=2_000)
    with Server(shop, data) as server:
        crew.run_for(server.port, 60)
        rss = server.rss_bytes()
        slow = []
        for _ in range(32):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(b"GET /api/collections/orders/records?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            slow.append(connection)
        crew.run_for(server.port, 60)
        assert max(w.slowest for w in crew.writers) < ANSWER_WITHIN
        assert server.rss_bytes() < rss + 2 * MEMORY
        for connection in slow:
            connection.close()
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]
