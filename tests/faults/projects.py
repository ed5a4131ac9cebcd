"""The project that fault tests run: every field passed through, so that each store can be
compared with each other, a lookup, and a pipeline that refuses some rows."""

import millrace

ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text, generate: uuidv7}
  customer_id: {type: text, required: true}
  op:          {type: text, required: true}
  amount:      {type: integer, required: true, min: 0}
  note:        {type: text}
indexes: [[customer_id, _created_at]]
"""

CUSTOMERS = """
collection: customers
key: customer_id
fields:
  customer_id: {type: text}
  op:          {type: text, required: true}
  note:        {type: text}
"""

# amount above it: a dead letter of the pipeline `checked`.
MOST_AMOUNT = 900

SYSTEM = "c._created_at, c._updated_at, c._version, c._id, c._op"

ORDERS_ALL = f"""
pipeline: orders_all
from: {{changes: orders, start: earliest}}
batch: {{max_rows: 500, max_wait: 10ms}}
lookups:
  customers: {{changes: customers, on: customer_id}}
sql: |
  SELECT c.order_id, c.customer_id, c.op, c.amount, c.note, {SYSTEM}, customers.op AS customer_op
  FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id
to:
  - table: {{name: orders, key: order_id, on_delete: delete}}
  - lake:  {{path: orders_history/, roll: {{rows: ROLL_ROWS, every: ROLL_EVERY}}}}
"""

CUSTOMERS_ALL = f"""
pipeline: customers_all
from: {{changes: customers, start: earliest}}
batch: {{max_rows: 500, max_wait: 10ms}}
sql: SELECT c.customer_id, c.op, c.note, {SYSTEM} FROM changes c
to:
  - table: {{name: customers, key: customer_id, on_delete: delete}}
  - lake:  {{path: shop/customers_history/, roll: {{rows: ROLL_ROWS, every: ROLL_EVERY}}}}
"""

CHECKED = f"""
pipeline: checked
from: {{changes: orders, start: earliest}}
batch: {{max_rows: 100, max_wait: 10ms}}
require: [amount < {MOST_AMOUNT}]
sql: SELECT order_id, op, amount, _version FROM changes
to:
  - table: {{name: checked, key: order_id, on_delete: delete}}
"""

# collection -> its table, its lake table
STORES = {"orders": ("orders", "lake.orders_history"),
          "customers": ("customers", "lake.shop_customers_history")}
KEYS = {"orders": "order_id", "customers": "customer_id"}


def write(directory, roll_rows=400, roll_every="300ms"):
    """The whole project. Rolls are short, so that a run of seconds closes many."""
    pipelines = {"orders_all": ORDERS_ALL, "customers_all": CUSTOMERS_ALL, "checked": CHECKED}
    pipelines = {name: text.replace("ROLL_ROWS", str(roll_rows)).replace("ROLL_EVERY", roll_every)
                 for name, text in pipelines.items()}
    return millrace.write_project(directory, {"orders": ORDERS, "customers": CUSTOMERS}, pipelines)
