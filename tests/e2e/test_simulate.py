"""The simulators against a real server: what they send, in which order, and how they end."""

import json
import signal
import subprocess

import pytest

import millrace

EXAMPLES = millrace.ROOT / "examples"


def simulate(server, *args, check=True):
    url = f"http://127.0.0.1:{server.port}"
    result = millrace.run("simulate", *args, "--url", url, "--json", "--quiet", check=check)
    return json.loads(result.stdout)


def changes(data, collection):
    """(operation, key, before, after) in commit order."""
    return [(e["operation"], e["source"]["key"], e["before"], e["after"])
            for e in (one["event"] for one in millrace.log_events(data, collection))]


@pytest.fixture
def orders(data):
    with millrace.Server(EXAMPLES / "orders-lake", data) as running:
        yield running


def test_orders_are_made_changed_and_deleted_as_in_life(orders, data):
    summary = simulate(orders, "orders", "--seed", "1", "--speed", "2000x", "--for", "20m")
    made = summary["operations"]
    assert summary["failed"] == 0 and 1190 <= summary["simulated_seconds"] <= 1200
    assert 120 <= made["insert"] <= 240 and 77 <= made["update"] <= 117 and 10 <= made["delete"] <= 59
    orders.stop()
    seen = changes(data, "orders_source")
    assert {op: sum(1 for c in seen if c[0] == op) for op in made} == made
    quiet = int(30 / (1200 / made["insert"]))  # inserts of the first 30 s
    assert all(c[0] == "insert" for c in seen[:quiet])
    assert all(c[2]["status"] == "cancelled" for c in seen if c[0] == "delete")
    assert {c[3]["status"] for c in seen if c[0] == "update"} == {"processing", "shipped", "cancelled"}


def test_the_same_seed_gives_the_same_operations(tmp_path):
    histories = []
    for name in ("one", "two"):
        with millrace.Server(EXAMPLES / "orders-lake", tmp_path / name) as server:
            simulate(server, "orders", "--seed", "7", "--rate", "1000", "--count", "150")
        dropped = {"createdAt", "updatedAt", "_version"}
        histories.append([(op, key, after and {k: v for k, v in after.items() if k not in dropped})
                          for op, key, _, after in changes(tmp_path / name, "orders_source")])
    assert len(histories[0]) == 150 and histories[0] == histories[1]


def test_ctrl_c_ends_it_with_a_summary(orders):
    process = subprocess.Popen(
        [str(millrace.BINARY), "simulate", "orders", "--json", "--url", f"http://127.0.0.1:{orders.port}",
         "--speed", "1000x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    api = orders.api
    millrace.wait_until(lambda: api.get("/api/collections/orders_source/records").json["items"], what="an order")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["accepted"] > 0 and summary["failed"] == 0


def test_without_a_server_it_says_so_at_once_where_it_may_not_wait():
    result = millrace.run("simulate", "orders", "--url", f"http://127.0.0.1:{millrace.free_port()}", "--retry-seconds",
                          "0", check=False)
    assert result.returncode == 5 and "Connection refused" in result.stderr and "waiting" not in result.stderr


def test_it_waits_for_a_server_that_starts_later(data):
    port = millrace.free_port()
    process = subprocess.Popen([str(millrace.BINARY), "simulate", "orders", "--url", f"http://127.0.0.1:{port}", "--json",
                                "--rate", "100", "--count", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "waiting up to 10 s" in process.stderr.readline()
    with millrace.Server(EXAMPLES / "orders-lake", data, port=port):
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and json.loads(out)["accepted"] == 3, err


def test_bulk_inserts_report_rows_per_second(orders):
    summary = simulate(orders, "bulk", "--shape", "orders", "--rows", "20500", "--batch", "1000")
    assert summary["rows"] == 20_500 and summary["rows_per_second"] > 0
