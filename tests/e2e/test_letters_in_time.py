"""Dead letters that wait: how long, and that a redrive joins what the change itself would have found."""

import re

import millrace
from millrace import Server

ORDERS = """
collection: orders
key: id
fields:
  id:       {type: text, required: true}
  customer: {type: text, required: true}
  amount:   {type: integer, required: true}
"""
CUSTOMERS = """
collection: customers
key: customer
fields:
  customer: {type: text, required: true}
  name:     {type: text, required: true}
"""
PIPELINE = """
pipeline: named
from: {changes: orders, start: earliest}
batch: {max_rows: 100, max_wait: 5ms}
lookups:
  customers: {changes: customers, on: customer}
require: [amount >= 0]
sql: SELECT c.id, c.amount, customers.name FROM changes c LEFT JOIN customers ON customers.customer = c.customer
to:
  - table: {name: named, key: id}
"""


def age(server):
    (seconds,) = re.findall(r'^pipeline_dead_letter_age_seconds\{pipeline="named",sink="table.named"\} (\S+)$',
                            server.api.get("/metrics").body.decode(), re.MULTILINE)
    return float(seconds)


def test_a_redrive_looks_up_as_of_the_change(tmp_path, data):
    project = millrace.write_project(tmp_path / "project", {"orders": ORDERS, "customers": CUSTOMERS}, {"named": PIPELINE})

    def order(server, key, amount):
        order = {"id": key, "customer": "ann", "amount": amount}
        assert server.api.post("/api/collections/orders/records", order).status == 201
        millrace.wait_drained(data)

    def rename(server, name):
        assert server.api.patch("/api/collections/customers/records/ann", {"name": name}).status == 200

    with Server(project, data) as server:
        assert server.api.post("/api/collections/customers/records", {"customer": "ann", "name": "Old"}).status == 201
        order(server, "o0", 1)
        assert age(server) == 0
        order(server, "o1", -1)
        assert age(server) > 0
    with Server(project, data) as server:
        # Nothing but the letter needs the old name any more: the second rename would drop it.
        rename(server, "New")
        order(server, "o2", 2)
        rename(server, "Newest")
        order(server, "o3", 3)
    with Server(project, data) as server:
        waits = age(server)
        assert waits > 0 and age(server) > waits
        millrace.run("deadletters", "mend", "--all", "--set", "amount = abs(amount)", "--apply", "--data", data)
        millrace.run("deadletters", "redrive", "--all", "--quiet", "--data", data)
        assert age(server) == 0
        rows = {row["id"]: (row["amount"], row["name"]) for row in millrace.sql(data, "SELECT * FROM named")}
        assert rows == {"o0": (1, "Old"), "o1": (1, "Old"), "o2": (2, "New"), "o3": (3, "Newest")}
