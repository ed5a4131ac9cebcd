"""Letters of events that a codec reads, and keys that once had a letter: what verify, trace and replay say of them."""

import json
import shutil

import pytest

import millrace

EXAMPLE = millrace.ROOT / "examples" / "orders-warehouse"
CDC = "orders_cdc_warehouse"


@pytest.fixture
def project(tmp_path):
    """The example without the other pipeline that reads its stream, so that each event has one place to be."""
    copy = tmp_path / "project"
    shutil.copytree(EXAMPLE, copy)
    (copy / "pipelines" / "orders_cdc_deleted.yaml").unlink()
    return copy


@pytest.fixture
def server(project, data):
    with millrace.Server(project, data) as running:
        assert running.api.post("/api/collections/customers/records", {"customer_id": "C3", "name": "Ann", "tier": "Gold"}).status == 201
        yield running


def send(server, number, amount, second=5):
    order = {"_id": "65f0", "order_id": f"ORDER-{number}", "customer_id": "C3", "amount": amount, "status": "shipped",
             "created_at": "2026-11-21 06:00:00", "updated_at": f"2026-11-21 07:00:{second:02}"}
    event = {"operation": "insert", "timestamp": f"2026-11-21T07:00:{second:02}", "document_id": order["order_id"],
             "collection": "orders", "data": order}
    assert server.api.post("/api/streams/orders_cdc/events", json.dumps(event), {"Content-Type": "application/octet-stream"}).status == 201


def verdict(data):
    return millrace.verify(data)["streams"]["orders_cdc"]


def result(data, event):
    (item,) = json.loads(millrace.run("trace", event, "--data", data, "--json").stdout)["items"]
    return [sink["result"] for pipeline in item["pipelines"] for sink in pipeline["sinks"]]


def redriven(server, data):
    """ORDER-1 and 2 went through, ORDER-3 died where the codec reads it, and was mended and redriven."""
    send(server, 1, 10)
    send(server, 2, 20)
    send(server, 3, "12 EUR")
    millrace.wait_drained(data)
    (letter,) = millrace.dead_letters(data)
    assert letter["stage"] == "decode" and letter["key"] != "ORDER-3"
    where = ["--pipeline", CDC, "--data", data]
    millrace.run("deadletters", "mend", "--set", "payload = replace(payload, ' EUR', '')", "--apply", *where)
    millrace.run("deadletters", "redrive", *where)


def test_the_redriven_row_is_no_row_too_many(server, project, data):
    redriven(server, data)
    assert [row["amount"] for row in millrace.sql(data, "SELECT amount::DOUBLE AS amount FROM orders_cdc_rows ORDER BY order_id")] == [10, 20, 12]
    told = verdict(data)
    assert told["agree"] and told["findings"] == [], told
    # The letter says what record it is of, which nobody knew before.
    (letter,) = json.loads(millrace.run("deadletters", "list", "--state", "applied", "--data", data, "--json").stdout)
    assert letter["key"] == "ORDER-3"
    compared = millrace.run("pipelines", "replay", CDC, "--compare", "--project", project, "--data", data, check=False)
    assert compared.returncode == 0, compared.stdout + compared.stderr


def test_a_lost_row_is_named_by_its_event_and_trace_knows_it(server, data):
    redriven(server, data)
    send(server, 3, 30, second=9)  # a good change of the key that had a letter
    millrace.wait_drained(data)
    assert verdict(data)["agree"]
    assert result(data, "orders_cdc@0") == ["row"]
    assert result(data, "orders_cdc@2") == ["redriven"]
    assert result(data, "orders_cdc@3") == ["row"]
    server.stop()
    millrace.plant_in_table(data, "orders_cdc_rows", "DELETE FROM PART WHERE order_id IN ('ORDER-2', 'ORDER-3')")
    (finding,) = verdict(data)["findings"]
    assert sorted(finding["missing"]) == ["orders_cdc@1", "orders_cdc@3"]
    assert result(data, "orders_cdc@1") == ["filtered"]  # as an insert that the SQL gave no row for


def test_a_key_that_had_a_letter_is_not_left_out_for_ever(shop, data):
    strict = "pipeline: strict\nfrom: {changes: orders, start: earliest}\nrequire: [amount < 50]\n" \
             "sql: SELECT * FROM changes\nto: [{table: {name: strict, key: order_id}}]\n"
    (shop / "pipelines" / "strict.yaml").write_text(strict)
    orders = "/api/collections/orders/records"
    with millrace.Server(shop, data) as server:
        for order in ("o1", "o2"):
            assert server.api.post(orders, {"order_id": order, "customer_id": "c1", "amount": "1.00"}).status == 201
        assert server.api.patch(f"{orders}/o2", {"amount": "99.00"}).status == 200  # a letter
        millrace.wait_drained(data)
        assert millrace.verify(data)["agree"]
        assert server.api.patch(f"{orders}/o2", {"amount": "2.00"}).status == 200
        millrace.wait_drained(data)
        assert millrace.verify(data)["agree"]
    millrace.plant_in_table(data, "strict", "DELETE FROM PART WHERE order_id = 'o2'")
    told = millrace.verify(data)["collections"]["orders"]
    assert [(one["stage"], one["store"], len(one["missing"])) for one in told["findings"]] == [("table", "strict", 1)], told
