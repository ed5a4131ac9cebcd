"""Killed at any time: what was acknowledged stays, what was not is there once or not at all."""

import random
import subprocess
import time

import millrace
import oracle
from millrace import Server
from workload import Crew

VERIFY_EVERY = 10


def test_nothing_is_lost_doubled_or_reordered_over_kills(request, shop, data, journals, seed):
    rounds = request.config.getoption("--rounds")
    rng = random.Random(seed)
    crew = Crew(seed, journals)
    events = 0
    for number in range(1, rounds + 1):
        with Server(shop, data) as server:
            crew.start(server.port)
            # How long the server lives is the random variable, not a way to wait.
            time.sleep(rng.uniform(0.02, 0.8))
            server.kill()
            crew.join()
        assert not crew.violations, f"seed {seed}, round {number}: {crew.violations[:5]}"
        if number % VERIFY_EVERY == 0 or number == rounds:
            with Server(shop, data) as server:
                events = oracle.check(data, journals, server.api, seed)
                assert server.stop() == 0
    print(f"seed {seed}: {rounds} rounds, {crew.acked} acknowledged, {events} events")
    assert crew.acked > 10 * rounds, "too few operations got through to prove anything"


def test_killed_while_it_recovers(shop, data, journals, seed):
    """Kills that follow each other before the start is over."""
    rng = random.Random(f"{seed}/recovery")
    crew = Crew(seed, journals)
    with Server(shop, data) as server:
        crew.run_for(server.port, 60)
        server.kill()
    for _ in range(15):
        with Server(shop, data, wait=False) as server:
            time.sleep(rng.uniform(0.005, 0.25))
            server.kill()
    with Server(shop, data) as server:
        crew.run_for(server.port, 10)
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]


def test_a_client_that_is_killed_and_started_again_sends_each_row_once(tmp_path, shop, data):
    """`millrace replay` twice over the same file, the first one killed on its way."""
    rows = 3000
    script = tmp_path / "orders.sql"
    script.write_text(f"""
      SELECT i AS at, CASE WHEN i < {rows} THEN 'create' ELSE 'update' END AS op, 'orders' AS collection,
             'o' || (i % {rows}) AS key,
             CASE WHEN i < {rows} THEN to_json({{'order_id': 'o' || i, 'customer_id': 'c', 'op': 'r' || i, 'amount': 1}})
                  ELSE to_json({{'op': 'r' || i}}) END AS body
      FROM range({2 * rows}) t(i) ORDER BY i""")
    with Server(shop, data) as server:
        command = [str(millrace.BINARY), "replay", str(script), "--url", f"http://127.0.0.1:{server.port}", "--quiet"]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        millrace.wait_until(lambda: len(server.api.get("/api/collections/orders/records?limit=500").json["items"]) > 200,
                            what="some rows of the replay")
        first.kill()
        first.wait()
        millrace.run("replay", script, "--url", f"http://127.0.0.1:{server.port}", "--quiet")
        millrace.wait_drained(data)
        counts = millrace.sql(data, "SELECT count(*)::INT AS n, count(DISTINCT op)::INT AS ops FROM lake.orders_history")
        assert counts == [{"n": 2 * rows, "ops": 2 * rows}]
        assert millrace.sql(data, "SELECT count(*)::INT AS n FROM orders") == [{"n": rows}]
        assert millrace.verify(data)["agree"]
