"""What the command line says when something is not as it should be."""

import millrace
from conftest import CUSTOMERS, ORDERS, ORDERS_NOW

USAGE, BAD_PROJECT = 2, 3


def test_an_unknown_command_is_named(tmp_path):
    near = millrace.run("sevre", "--port", "1", check=False)
    assert near.returncode == USAGE and not near.stdout
    assert "no command 'sevre'; did you mean serve?" in near.stderr
    far = millrace.run("nope", check=False)
    assert far.returncode == USAGE and "no command 'nope'; commands: " in far.stderr and "verify" in far.stderr


def test_check_counts_in_words(shop):
    assert millrace.run("check", "--project", shop).stdout == "test: 2 collections, 1 pipeline, no problem found\n"


def test_check_names_bad_settings_beside_other_problems(tmp_path):
    project = millrace.write_project(
        tmp_path / "project", {"orders": ORDERS.replace("key: order_id", "key: nope"), "customers": CUSTOMERS},
        {"orders_now": ORDERS_NOW}, "settings: {http: {prot: 1}}\n")
    result = millrace.run("check", "--project", project, check=False)
    assert result.returncode == BAD_PROJECT
    assert "collections/orders.yaml:" in result.stdout
    assert "millrace.yaml:3:" in result.stdout and "http.prot" in result.stdout


def test_status_of_a_sink_that_cannot_start_shows_where_it_stands(shop, data):
    with millrace.Server(shop, data) as server:
        for i in range(3):
            order = {"order_id": f"o{i}", "customer_id": "c", "amount": 1}
            assert server.api.post("/api/collections/orders/records", order).status == 201
        millrace.wait_drained(data)
    pipeline = shop / "pipelines" / "orders_now.yaml"
    pipeline.write_text(pipeline.read_text().replace("c.amount,", "c.amount::double AS amount,"))
    with millrace.Server(shop, data, wait=False):
        def stopped():
            sinks = [s for p in millrace.status(data) for s in p["sinks"]]
            return len(sinks) == 2 and all(s["state"] == "stopped" for s in sinks) and sinks

        sinks = millrace.wait_until(stopped)
        assert [(s["position"], s["lag_events"]) for s in sinks] == [(3, 0), (3, 0)]
        assert "pipelines rebuild orders_now" in sinks[0]["reason"]
