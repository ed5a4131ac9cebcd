"""The projects that are measured, and data directories with a backlog."""

import json
import shutil
import sqlite3

import harness
import millrace

ORDERS = """collection: orders
key: order_id
fields:
  order_id:    {type: text, generate: uuidv7}
  customer_id: {type: text, required: true}
  amount:      {type: "decimal(10,2)", required: true, min: 0}
  quantity:    {type: integer, required: true}
  status:      {type: text, in: [pending, processing, shipped, delivered], default: pending}
"""
NOTED_ORDERS = ORDERS + "  note:        {type: text, max_length: 500}\n"
CUSTOMERS = """collection: customers
key: customer_id
fields:
  customer_id: {type: text}
  name:        {type: text, required: true}
  region:      text
"""
# 300 bytes a record.
NOTE = ("left at the door of the house on the corner, rang twice and waited, the neighbour took it in; "
        "customer was told by message and answered that this is fine, signature follows, thank you very much to all")
RECORD = '{"customer_id":"c0{m}","amount":"129.95","quantity":3,"status":"processing","note":"%s {n}"}' % NOTE
KEYED_RECORD = RECORD.replace("{", '{"order_id":"order-{n}",', 1)

SELECT = """sql: |
  SELECT c.order_id, c.customer_id, customers.name AS customer_name, customers.region AS region,
         c.amount, c.quantity, c.status, c._created_at AS created_at
  FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id
lookups:
  customers: {changes: customers, on: customer_id}
"""
HEAD = "from: {changes: orders, start: earliest}\nbatch: {max_rows: %d, max_wait: 50ms}\n"
LAKE = "to:\n  - lake: {path: orders_history/, format: parquet, compression: zstd, roll: {rows: %d, every: %s}}\n"
TABLE = "to:\n  - table: {name: orders, key: order_id, on_delete: delete}\n"


def lake_pipeline(roll="60s", select=SELECT, rows=5000, roll_rows=1_000_000):
    return "pipeline: orders_lake\n" + HEAD % rows + select + LAKE % (roll_rows, roll)


def table_pipeline(rows=5000):
    return "pipeline: orders_now\n" + HEAD % rows + SELECT + TABLE


PLAIN_SELECT = """sql: |
  SELECT c.order_id, c.customer_id, c.amount, c.quantity, c.status, c.note, c._created_at AS created_at FROM changes c
"""


def write(path, orders=ORDERS, pipelines=None):
    return millrace.write_project(path / "project", {"orders": orders, "customers": CUSTOMERS}, pipelines)


def lag(data):
    return max(pipeline["lag_events"] for pipeline in millrace.status(data))


def add_customers(server, count=100_000):
    """The lookup's rows, over HTTP: {m} takes each of 100,000 values once."""
    harness.load(server.port, method="POST", path="/api/collections/customers/records", batch=1000,
                 requests=count // 1000, connections=2,
                 body='{"customer_id":"c0{m}","name":"Customer {n}","region":"region-7"}')


CUSTOMERS_OF_A_BACKLOG = 100_000


class Backlog:
    """A data directory whose log is full of changes that no pipeline has read: written by
    fill_log as capture would have, and the record store's counters set to match."""

    def __init__(self, path, pipelines, orders, updates=0, customers=CUSTOMERS_OF_A_BACKLOG, ndjson=False):
        self.path, self.orders = path, orders
        self.project = write(path, pipelines=pipelines)
        self.data = path / "data"
        empty = write(path / "empty")
        with millrace.Server(empty, self.data) as server:
            server.stop()
        arguments = ["--orders", orders, "--updates", updates, "--customers", customers]
        if ndjson:
            arguments += ["--ndjson", path]
        self.made = harness.program("fill_log", self.data, *arguments)
        with sqlite3.connect(self.data / "records.db") as db:
            last = self.made["position"]
            db.execute("UPDATE store SET next_seq=?, trimmed=?", (last + 1, last))
        db.close()

    def forget(self):
        """Back to the state in which nothing was read."""
        for entry in self.data.iterdir():
            if entry.name not in ("log", "FORMAT", "LOCK") and not entry.name.startswith("records.db"):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def describe(self):
        return json.dumps(self.made)
