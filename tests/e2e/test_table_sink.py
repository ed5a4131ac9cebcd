"""What a table says of its columns: types, lengths, not null, insert_only, indexes."""

import millrace
import pytest

ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text}
  customer_id: {type: text}
  status:      {type: text}
  amount:      {type: double}
"""

ORDERS_NOW = """
pipeline: orders_now
from: {changes: orders}
sql: SELECT order_id, customer_id, status, amount, _created_at AS seen_at FROM changes
to:
  - table:
      name: orders
      key: order_id
      columns:
        order_id:    {type: varchar(50)}
        customer_id: {type: varchar(12), not_null: true}
        status:      {not_null: true}
        amount:      {type: "decimal(10,2)"}
        seen_at:     {type: timestamp}
      insert_only: [customer_id]
      indexes: [[customer_id], [seen_at]]
  - lake: {path: history/, roll: {every: 100ms}}
"""

RECORDS = "/api/collections/orders/records"


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", {"orders": ORDERS}, {"orders_now": ORDERS_NOW})


def order(number, **fields):
    return {"order_id": f"o{number}", "customer_id": "ada", "status": "new", "amount": 1.5, **fields}


def table(data):
    return millrace.sql(data, "SELECT order_id, customer_id, status, amount::VARCHAR AS amount FROM orders ORDER BY order_id")


def test_a_row_that_breaks_a_rule_is_a_letter_of_that_sink_alone(project, data):
    bad = [order(1, customer_id="a" * 13), order(2, status=None), order(3, amount=123456789.5)]
    with millrace.Server(project, data) as server:
        answer = server.api.post(RECORDS, [order(0, amount=2.345), *bad, order(4)])
        assert answer.status == 201, answer
        millrace.wait_drained(data)
        letters = millrace.dead_letters(data)
        assert [(letter["key"], letter["stage"], letter["sink"], letter["reason"]) for letter in letters] == [
            ("o1", "sink", "table.orders", "customer_id: does not fit varchar(12)"),
            ("o2", "sink", "table.orders", "status: must not be null"),
            ("o3", "sink", "table.orders", "amount: does not fit decimal(10,2)")]
        (state,) = millrace.status(data)
        assert state["state"] == "running", state
    assert [(r["order_id"], r["amount"]) for r in table(data)] == [("o0", "2.35"), ("o4", "1.50")]
    assert millrace.sql(data, "SELECT count(*)::INT AS n FROM lake.history") == [{"n": 5}]


def test_insert_only_keeps_what_the_first_version_had(project, data):
    with millrace.Server(project, data) as server:
        server.api.post(RECORDS, order(1))
        server.api.patch(f"{RECORDS}/o1", {"customer_id": "grace", "status": "paid"})
        server.api.post(RECORDS, order(2))
        server.api.delete(f"{RECORDS}/o2")
        server.api.post(RECORDS, order(2, customer_id="alan"))
        last = server.api.patch(f"{RECORDS}/o2", {"customer_id": "joan", "status": "sent"})
        answer = server.api.get(f"/api/tables/orders/rows?order_id=eq.o2&at_least={last.json['_version']}")
        assert [(r["customer_id"], r["status"]) for r in answer.json["items"]] == [("alan", "sent")]
        millrace.wait_drained(data)
    expected = [("o1", "ada", "paid"), ("o2", "alan", "sent")]
    assert [(r["order_id"], r["customer_id"], r["status"]) for r in table(data)] == expected
    with millrace.Server(project, data) as server:
        assert [r["customer_id"] for r in server.api.get("/api/tables/orders/rows").json["items"]] == ["ada", "alan"]


def test_check_names_what_is_wrong(project):
    file = project / "pipelines" / "orders_now.yaml"
    file.write_text(file.read_text().replace("insert_only: [customer_id]", "insert_only: [custmer_id]")
                    .replace("varchar(50)", "varchr(50)"))
    checked = millrace.run("check", "--project", project, check=False)
    assert checked.returncode != 0
    assert "pipelines/orders_now.yaml:10:29:" in checked.stderr + checked.stdout
    file.write_text(file.read_text().replace("varchr(50)", "varchar(50)"))
    checked = millrace.run("check", "--project", project, check=False)
    assert "pipelines/orders_now.yaml:15:21: the SQL has no column custmer_id; did you mean customer_id?" in \
        checked.stderr + checked.stdout
