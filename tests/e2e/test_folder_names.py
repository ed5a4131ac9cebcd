"""Where the data lies says nothing about it: engines take `name=value` in a path for a column."""

import millrace

HISTORY = """
pipeline: orders_now
from: {changes: orders, start: earliest}
sql: |
  SELECT order_id, customer_id, amount, _created_at, _updated_at, _version, _id, _op FROM changes
to:
  - lake: {path: orders_history/, roll: {rows: 1000000, every: 300ms}}
"""


def test_a_folder_above_the_data_changes_no_value(shop, tmp_path):
    (shop / "pipelines" / "orders_now.yaml").write_text(HISTORY)
    data = tmp_path / "customer_id=other" / "data"
    data.parent.mkdir()
    with millrace.Server(shop, data) as server:
        order = {"order_id": "o1", "customer_id": "ada", "amount": "1.00"}
        assert server.api.post("/api/collections/orders/records", order).status == 201
        millrace.wait_drained(data)
        (row,) = server.api.get("/api/tables/lake.orders_history/rows").json["items"]
        assert row["customer_id"] == "ada"
        assert millrace.verify(data)["agree"]
    assert millrace.verify(data)["agree"]
