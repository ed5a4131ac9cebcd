"""examples/orders-warehouse: the newest state of every order with its customer, exactly as the table is declared."""

import json
import re
import shutil

import pytest

import millrace

EXAMPLE = millrace.ROOT / "examples" / "orders-warehouse"
ORDERS, CUSTOMERS = "/api/collections/orders/records", "/api/collections/customers/records"
ANN = {"customer_id": "CUSTOMER-3", "name": "Ann Lee", "tier": "Gold", "created_at": "2026-01-01T00:00:00Z"}
ORDER = {"order_id": "ORDER-7", "customer_id": "CUSTOMER-3", "amount": 120.5, "status": "processing",
         "created_at": "2026-11-21T06:00:00Z"}
COLUMNS = [("order_id", "VARCHAR"), ("customer_id", "VARCHAR"), ("customer_name", "VARCHAR"),
           ("customer_tier", "VARCHAR"), ("amount", "DECIMAL(10,2)"), ("status", "VARCHAR"),
           ("order_created_at", "TIMESTAMP WITH TIME ZONE"), ("order_updated_at", "TIMESTAMP WITH TIME ZONE"),
           ("processed_at", "TIMESTAMP WITH TIME ZONE"), ("cdc_operation", "VARCHAR"),
           ("_version", "VARCHAR")]  # shown beside those of the file: docs/decisions/0010-the-shown-version.md


@pytest.fixture
def server(data):
    with millrace.Server(EXAMPLE, data) as running:
        assert running.api.post(CUSTOMERS, ANN).status == 201
        # Events from outside look customers up as of now: that is when capture has brought them.
        millrace.wait_until(lambda: millrace.run("log", "read", "customers", "--data", data, check=False).stdout,
                            what="the customer in the log")
        yield running


def send(server, *events):
    for event in events:
        body = event if isinstance(event, (bytes, str)) else json.dumps(event)
        headers = {"Content-Type": "application/octet-stream"}
        assert server.api.post("/api/streams/orders_cdc/events", body, headers).status == 201


def event(operation="update", second=5, **data):
    order = {"_id": "65f0", **ORDER, "created_at": "2026-11-21 06:00:00", "updated_at": "2026-11-21 07:00:05.500000",
             **data}
    return {"operation": operation, "timestamp": f"2026-11-21T07:00:{second:02}", "document_id": order["order_id"],
            "collection": "orders", "data": None if operation == "delete" else order}


def rows(data, table="orders", drop=("_version", "processed_at"), order="order_id"):
    millrace.wait_drained(data)
    read = millrace.sql(data, f"SELECT * FROM {table} ORDER BY {order}")
    return [{k: v for k, v in row.items() if k not in drop} for row in read]


def test_the_table_is_as_declared_also_after_a_second_start(server, data):
    def columns():
        described = millrace.sql(data, "DESCRIBE SELECT * FROM orders")
        return [(row["column_name"], row["column_type"]) for row in described]

    server.api.post(ORDERS, ORDER)
    before = rows(data)
    assert columns() == COLUMNS
    server.stop()
    with millrace.Server(EXAMPLE, data):
        assert columns() == COLUMNS and rows(data) == before


def test_a_row_that_the_table_cannot_hold_is_refused_and_the_next_one_stored(server, data):
    long_id = "ORDER-" + "9" * 50
    assert server.api.post(ORDERS, {**ORDER, "order_id": long_id}).status == 201
    assert server.api.post(ORDERS, ORDER).status == 201
    assert [row["order_id"] for row in rows(data)] == ["ORDER-7"]
    (letter,) = millrace.dead_letters(data)
    assert (letter["stage"], letter["key"]) == ("sink", long_id) and "order_id" in letter["reason"]


def test_the_golden_row(server, data):
    api = server.api
    assert api.post(ORDERS, ORDER).status == 201
    changed = {"status": "shipped", "updated_at": "2026-11-21T07:00:05.5Z"}
    assert api.patch(f"{ORDERS}/ORDER-7", changed).status == 200
    assert api.post(ORDERS, {**ORDER, "order_id": "ORDER-8", "customer_id": "CUSTOMER-99"}).status == 201
    golden = {"order_id": "ORDER-7", "customer_id": "CUSTOMER-3", "customer_name": "Ann Lee", "customer_tier": "Gold",
              "amount": 120.5, "status": "shipped", "order_created_at": "2026-11-21T06:00:00Z",
              "order_updated_at": "2026-11-21T07:00:05.500000Z", "cdc_operation": "update"}
    seven, eight = rows(data)
    assert seven == golden
    assert (eight["customer_name"], eight["customer_tier"], eight["order_updated_at"]) == ("Unknown", "Bronze", None)
    assert api.delete(f"{ORDERS}/ORDER-7").status == 204
    assert rows(data)[0] == golden  # as it was; the mark stands beside it
    (gone,) = rows(data, "orders_deleted")
    assert (gone["order_id"], gone["is_deleted"]) == ("ORDER-7", True)
    assert api.post(ORDERS, ORDER).status == 201
    assert rows(data, "orders_deleted") == [] and rows(data)[0]["status"] == "processing"


def test_events_from_outside_give_the_same_row(server, data):
    send(server, event(status="shipped"))
    (once,) = rows(data, "orders_cdc_rows")
    assert (once["customer_name"], once["customer_tier"], once["amount"]) == ("Ann Lee", "Gold", 120.5)
    assert (once["status"], once["cdc_operation"]) == ("shipped", "update")
    assert once["order_updated_at"] == "2026-11-21T07:00:05.500000Z"
    send(server, event(status="shipped"))  # delivered again
    assert rows(data, "orders_cdc_rows") == [once]
    send(server, event(second=4, status="processing"))  # delivered late
    assert rows(data, "orders_cdc_rows") == [once]
    send(server, event("delete", second=9))
    assert rows(data, "orders_cdc_rows") == [once]  # as it was; the mark stands beside it
    (gone,) = marks = rows(data, "orders_cdc_deleted", order="document_id")
    assert (gone["document_id"], gone["deleted_at"]) == ("ORDER-7", "2026-11-21T07:00:09Z")
    send(server, event("replace", second=8, status="shipped"))  # delivered late
    assert rows(data, "orders_cdc_deleted", order="document_id") == marks
    send(server, event("replace", second=10, status="delivered"))
    assert [r["status"] for r in rows(data, "orders_cdc_rows")] == ["delivered"]
    assert rows(data, "orders_cdc_deleted", order="document_id") == []
    assert millrace.dead_letters(data) == []


def test_an_id_of_white_space_is_blank(server, data):
    send(server, *(event(order_id=blank) for blank in (" ", "\t", "\n", "\u00a0")), event(customer_id="\t"), event())
    assert [row["order_id"] for row in rows(data, "orders_cdc_rows")] == ["ORDER-7"]
    reasons = [letter["reason"] for letter in millrace.dead_letters(data)]
    assert len(reasons) == 5 and all(reason.startswith("failed: regexp_matches(") for reason in reasons), reasons


def test_an_update_changes_neither_customer_nor_creation(server, data):
    assert server.api.post(ORDERS, ORDER).status == 201
    first = rows(data)[0]
    changed = {"customer_id": "CUSTOMER-99", "created_at": "2026-01-01T00:00:00Z", "status": "shipped", "amount": 1}
    assert server.api.patch(f"{ORDERS}/ORDER-7", changed).status == 200
    (after,) = rows(data)
    assert {k for k in after if after[k] != first[k]} == {"customer_name", "customer_tier", "amount", "status",
                                                          "cdc_operation"}
    send(server, event("insert"), event(second=6, customer_id="CUSTOMER-99", created_at="2026-01-01 00:00:00"))
    (after,) = rows(data, "orders_cdc_rows")
    assert (after["customer_id"], after["order_created_at"]) == ("CUSTOMER-3", "2026-11-21T06:00:00Z")
    assert after["customer_name"] == "Unknown"


def test_what_is_missing_gets_its_default(server, data):
    assert server.api.post(ORDERS, {"order_id": "ORDER-1", "customer_id": "CUSTOMER-3"}).status == 201
    assert server.api.post(CUSTOMERS, {"customer_id": "CUSTOMER-4"}).status == 201
    assert server.api.post(ORDERS, {"order_id": "ORDER-2", "customer_id": "CUSTOMER-4"}).status == 201
    one, two = rows(data)
    assert (one["amount"], one["status"], one["order_created_at"]) == (0, "unknown", None)
    assert (two["customer_name"], two["customer_tier"]) == ("Unknown", "Bronze")


def test_the_customer_is_looked_up_as_of_now(server, data):
    server.api.post(ORDERS, ORDER)
    assert rows(data)[0]["customer_tier"] == "Gold"
    server.api.patch(f"{CUSTOMERS}/CUSTOMER-3", {"tier": "Diamond"})
    assert rows(data)[0]["customer_tier"] == "Gold"  # until the order itself changes
    server.api.patch(f"{ORDERS}/ORDER-7", {"status": "shipped"})
    assert rows(data)[0]["customer_tier"] == "Diamond"


def rules(pipeline):
    """What its YAML requires, by the field."""
    block = (EXAMPLE / "pipelines" / f"{pipeline}.yaml").read_text().split("require:\n")[1].split("\nsql:")[0]
    found = [line.strip().removeprefix("- ").strip('"') for line in block.splitlines()]
    return {re.search(r"\((\w+)", rule).group(1): rule for rule in found}


def test_every_rule_fires_in_dirty_mode(server, data):
    url = f"http://127.0.0.1:{server.port}"
    summary = json.loads(millrace.run("simulate", "shop", "--url", url, "--seed", "5", "--json", "--quiet", "--rate",
                                      "500", "--count", "60", "--dirty", "--dirty-every", "2s").stdout)
    assert sum(1 for name in summary["operations"] if name.startswith("dirty: ")) == 18
    millrace.wait_drained(data)
    letters = millrace.dead_letters(data)
    assert all(p["state"] == "running" for p in millrace.status(data))
    reasons = {name: {letter["reason"] for letter in letters if letter["pipeline"] == name}
               for name in ("orders_warehouse", "orders_cdc_warehouse")}
    # What the collection takes comes by it, everything else by the stream.
    fires = {"orders_warehouse": {"customer_id", "amount"}, "orders_cdc_warehouse": {"order_id", "customer_id", "status"}}
    for name, seen in reasons.items():
        fired = {field for field, rule in rules(name).items() if any(r.startswith(f"failed: {rule}") for r in seen)}
        assert fired == fires[name], seen
    assert set(rules("orders_warehouse")) == set(rules("orders_cdc_warehouse")) == set.union(*fires.values())
    for wanted in ("the payload is not UTF-8", "not JSON: ", "operation: expected insert", "amount: ",
                   "data: missing (gone", "order_id: missing"):
        assert any(reason.startswith(wanted) for reason in reasons["orders_cdc_warehouse"]), (wanted, reasons)


def test_a_bounded_run_ends_after_twenty_orders(tmp_path, data):
    loading = tmp_path / "loading"
    shutil.copytree(EXAMPLE, loading)
    for file in (loading / "pipelines").iterdir():
        file.unlink()
    with millrace.Server(loading, data) as server:
        for i in range(30):
            amount = -1 if i % 10 == 0 else i  # the 1st, 11th and 21st are refused
            assert server.api.post(ORDERS, {**ORDER, "order_id": f"ORDER-{i}", "amount": amount}).status == 201
    run = ["pipelines", "run", "orders_warehouse", "--project", EXAMPLE, "--data", data, "--json"]
    first = json.loads(millrace.run(*run, "--max-records", "20").stdout)
    assert (first["state"], first["position"], first["dead_letters"]) == ("done", 23, 3)
    assert len(millrace.sql(data, "SELECT * FROM orders")) == 20
    rest = json.loads(millrace.run(*run, "--max-records", "20").stdout)
    assert (rest["state"], rest["position"]) == ("done", 30)
    assert len(millrace.sql(data, "SELECT * FROM orders")) == 27
    # A redriven letter of a table that is built anew waits until the changes' lane has come to its end.
    millrace.run("deadletters", "mend", "--data", data, "--all", "--set", "amount = 1", "--apply", "--project", EXAMPLE)
    millrace.run("deadletters", "redrive", "--data", data, "--project", EXAMPLE, "--all")
    assert len(millrace.sql(data, "SELECT * FROM orders")) == 30
    millrace.run("pipelines", "rebuild", "orders_warehouse", "--project", EXAMPLE, "--data", data)
    for bound, there in (("5", 5), ("18446744073709551615", 30), ("0", 30)):
        again = json.loads(millrace.run(*run, "--max-records", bound).stdout)
        assert again["state"] == "done"
        assert len(millrace.sql(data, "SELECT * FROM orders")) == there


def test_a_replay_of_the_log_gives_the_same_table(server, data):
    for i in range(20):
        server.api.post(ORDERS, {**ORDER, "order_id": f"ORDER-{i}"})
        server.api.patch(f"{ORDERS}/ORDER-{i}", {"status": "shipped"})
    before = rows(data)
    assert len(before) == 20
    times = millrace.sql(data, "SELECT DISTINCT processed_at FROM orders")
    millrace.run("pipelines", "replay", "orders_warehouse", "--project", EXAMPLE, "--data", data)
    assert rows(data) == before
    assert not [t for t in millrace.sql(data, "SELECT DISTINCT processed_at FROM orders") if t in times]  # made anew


def test_changes_leave_in_the_shape_of_the_topics(server, data):
    api = server.api
    api.post(ORDERS, ORDER)
    api.delete(f"{ORDERS}/ORDER-7")
    api.patch(f"{CUSTOMERS}/CUSTOMER-3", {"tier": "Diamond"})
    wire = ["--codec", "operation-data", "--project", EXAMPLE, "--data", data]

    def topic(name):
        # 5 until capture has brought the first of its events
        return [json.loads(line) for line in millrace.run("log", "read", name, *wire, check=False).stdout.splitlines()]

    millrace.wait_until(lambda: len(topic("orders")) == len(topic("customers")) == 2, what="4 events")
    insert, delete = topic("orders")
    assert list(insert) == list(delete) == ["operation", "timestamp", "document_id", "collection", "data"]
    assert insert["data"] == {"_id": "ORDER-7", **ORDER, "created_at": "2026-11-21 06:00:00"}
    assert (delete["operation"], delete["document_id"], delete["data"]) == ("delete", "ORDER-7", None)
    assert topic("customers")[1]["data"]["tier"] == "Diamond"


def test_a_seeded_shop_lives(data):
    with millrace.Server(EXAMPLE, data) as server:
        url = f"http://127.0.0.1:{server.port}"
        seeded = millrace.run("simulate", "seed", "--seed", "1", "--url", url, "--json")
        seeded = json.loads(seeded.stdout)["operations"]
        assert seeded["customers"] == 50 and 50 <= seeded["orders"] <= 250
        again = millrace.run("simulate", "seed", "--url", url, check=False)
        assert again.returncode != 0 and "--clear" in again.stderr
        cleared = json.loads(millrace.run("simulate", "seed", "--seed", "1", "--clear", "--url", url, "--json").stdout)
        assert cleared["operations"] == seeded
        lived = json.loads(millrace.run("simulate", "shop", "--seed", "1", "--url", url, "--json", "--quiet", "--speed",
                                        "1000x", "--for", "10m").stdout)
        assert lived["failed"] == 0
        assert lived["operations"]["new order"] == 120 and lived["operations"]["step"] == 75
        table = rows(data)
        assert len(table) == seeded["orders"] + 120
        assert all(r["customer_name"] != "Unknown" for r in table)
        server.stop()
    steps = ["pending", "processing", "shipped", "delivered"]
    for name in ("customers", "orders"):  # each of the first ones, before the first of the second ones
        operations = [e["event"]["op"] for e in millrace.log_events(data, name)]
        assert operations[:3 * seeded[name]] == [op for op in "cdc" for _ in range(seeded[name])]
    updates = [e["event"] for e in millrace.log_events(data, "orders") if e["event"]["op"] == "u"]
    assert len(updates) == 75
    for one in updates:
        assert steps.index(one["after"]["status"]) == steps.index(one["before"]["status"]) + 1
        assert one["before"]["updated_at"] != one["after"]["updated_at"]
