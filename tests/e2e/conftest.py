import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import millrace  # noqa: E402

ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text, generate: uuidv7}
  customer_id: {type: text, required: true}
  amount:      {type: "decimal(10,2)", required: true, min: 0}
  status:      {type: text, in: [pending, processing, shipped, delivered], default: pending}
  note:        {type: text, max_length: 500}
indexes: [[customer_id, _created_at]]
unique: []
"""

CUSTOMERS = """
collection: customers
key: customer_id
fields:
  customer_id: {type: text, required: true}
  name:        {type: text}
"""

ORDERS_NOW = """
pipeline: orders_now
from: {changes: orders, start: earliest}
batch: {max_rows: 5000, max_wait: 50ms}
lookups:
  customers: {changes: customers, on: customer_id}
require: [customer_id is not null, amount >= 0]
sql: |
  SELECT c.order_id, c.customer_id, coalesce(customers.name, 'Unknown') AS customer_name, c.amount, c.status
  FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id
to:
  - table: {name: orders, key: order_id, on_delete: delete}
  - lake:  {path: orders_history/, format: parquet, compression: zstd, roll: {rows: 1000000, every: 1s}}
"""


@pytest.fixture
def shop(tmp_path):
    """A project with orders and customers, and a pipeline to a table and a lake."""
    return millrace.write_project(tmp_path / "project", {"orders": ORDERS, "customers": CUSTOMERS},
                                  {"orders_now": ORDERS_NOW})


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def server(shop, data):
    with millrace.Server(shop, data) as running:
        yield running
