"""A shop whose log has dropped most of what was written, and what a pipeline must have of it all the same."""

import contextlib
import http.client
import threading

import millrace

CUSTOMERS = """
collection: customers
key: customer_id
fields:
  customer_id: {type: text}
  name:        {type: text}
  padding:     {type: text}
"""
ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text}
  customer_id: {type: text}
  amount:      {type: integer, required: true}
  padding:     {type: text}
"""
NOW = """
pipeline: orders_now
from: {changes: orders, start: snapshot}
batch: {max_rows: 100}
lookups: {customers: {changes: customers, on: customer_id}}
sql: |
  SELECT c.order_id, c.amount, customers.name AS name, c._op AS op, c._version AS version
  FROM changes c LEFT JOIN customers ON customers.customer_id = c.customer_id
to:
  - table: {name: orders, key: order_id}
  - lake:  {path: orders_history/, roll: {every: 200ms}}
"""
PATH = "/api/collections/orders/records"
CUSTOMER_PATH = "/api/collections/customers/records"
TIGHT = ("--set", "log.segment_size=1MiB", "--set", "log.max_bytes=2MiB")
ROOMY = ("--set", "log.segment_size=1MiB", "--set", "log.max_bytes=256MiB")
PADDING = "p" * 2000


def write_shop(directory):
    return millrace.write_project(directory, {"orders": ORDERS, "customers": CUSTOMERS})


def add_pipeline(shop, text=NOW):
    (shop / "pipelines").mkdir(exist_ok=True)
    (shop / "pipelines" / "orders_now.yaml").write_text(text)


def order(name, amount=1):
    return {"order_id": name, "customer_id": "c1", "amount": amount, "padding": PADDING}


def write_history(api, orders=3000):
    """More than the log keeps: most of what is there stands in dropped segments only."""
    customers = [{"customer_id": f"c{i}", "name": f"name {i}", "padding": PADDING} for i in range(1500)]
    for i in range(0, 1500, 500):
        assert api.post(CUSTOMER_PATH, customers[i:i + 500]).status == 201
    for i in range(0, orders, 500):
        assert api.post(PATH, [order(f"o{k}") for k in range(i, i + 500)]).status == 201
    for i in range(0, orders, 30):
        assert api.patch(f"{PATH}/o{i}", {"amount": 2}).status == 200
    for i in range(1, orders, 30):
        assert api.delete(f"{PATH}/o{i}").status == 204


class Writes:
    """Live writes, small, beside everything else."""

    def __init__(self, port, name, until_refused=False):
        self.api, self.name, self.done = millrace.Api(port), name, threading.Event()
        self.thread = threading.Thread(target=self.run_until_refused if until_refused else self.run)

    def run_until_refused(self):
        try:
            self.run()
        except (OSError, http.client.HTTPException):
            pass  # the server was killed

    def run(self):
        i = 0
        while not self.done.is_set() or i < 60:
            key = f"{self.name}{i}"
            small = {"order_id": key, "customer_id": "c7", "amount": i}
            assert self.api.post(PATH, small).status == 201
            assert self.api.patch(f"{PATH}/o{3 + i * 6 % 2990}", {"amount": 100 + i}).status in (200, 404)
            if i % 3 == 0:
                assert self.api.delete(f"{PATH}/{key}").status == 204
            i += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def states(data):
    return {sink["sink"]: sink["state"] for pipeline in millrace.status(data) for sink in pipeline["sinks"]}


def wait_running(data):
    millrace.wait_until(lambda: set(states(data).values()) == {"running"}, what="running")


def records(api):
    rows, cursor = {}, ""
    while True:
        page = api.get(f"{PATH}?limit=1000{cursor}").json
        rows |= {row["order_id"]: (row["amount"], row["_version"]) for row in page["items"]}
        if not page["next_cursor"]:
            return rows
        cursor = "&cursor=" + millrace.quote(page["next_cursor"])


def table(data):
    rows = millrace.sql(data, "SELECT order_id, amount, name, _version FROM orders")
    return {row["order_id"]: (row["amount"], row["_version"]) for row in rows}


def snapshots(data):
    """The entries that say of what commit each snapshot is, and where the changes go on."""
    return [one["event"] for one in millrace.log_events(data, "_snapshot.orders_now") if "snapshot" in one["event"]]


def check_lake(data, folder="orders_history"):
    """Every record once, as it was; then every later change once."""
    rows = millrace.sql(data, f"SELECT order_id, op, version FROM lake.{folder}")
    upto = snapshots(data)[-1]["position"]
    read = [row["version"] for row in rows if row["op"] == "r"]
    assert len({row["order_id"] for row in rows if row["op"] == "r"}) == len(read) == snapshots(data)[-1]["rows"]
    assert all(int(version[8:24], 16) <= upto for version in read)
    changes = sorted(row["version"] for row in rows if row["op"] != "r")
    logged = [one["event"]["source"] for one in millrace.log_events(data, "orders")]
    assert changes == sorted(f"{one['epoch']:08x}{one['position']:016x}00000000" for one in logged if one["position"] > upto)
    return len(read), len(changes)


def resnapshot(shop, data, *flags, command="resnapshot", check=True):
    return millrace.run("pipelines", command, "orders_now", "--project", shop, "--data", data, "--quiet", *flags, check=check)


TABLE = NOW.replace("start: snapshot", "start: earliest").replace("  - lake:  {path: orders_history/, roll: {every: 200ms}}\n", "")


def lose_position(shop, data, pipeline=TABLE):
    """A pipeline that was there from the first change on, then not for a while, as the log went on beyond its limit."""
    add_pipeline(shop, pipeline)
    with millrace.Server(shop, data, args=ROOMY) as server:
        write_history(server.api, orders=300)
        millrace.wait_drained(data)
        assert table(data) == records(server.api)
        assert server.stop() == 0
    (shop / "pipelines" / "orders_now.yaml").unlink()
    with millrace.Server(shop, data, args=TIGHT) as server:
        for i in range(0, 300, 4):
            assert server.api.delete(f"{PATH}/o{i}").status in (204, 404)
        for i in range(0, 2000, 500):
            assert server.api.post(PATH, [order(f"missed{k}", k) for k in range(i, i + 500)]).status == 201
        assert server.stop() == 0
    add_pipeline(shop, pipeline)


@contextlib.contextmanager
def stopped_server(shop, data, **more):
    """A server that is not ready, since all its sinks have lost their position; writes go on."""
    port = millrace.free_port()
    with millrace.Server(shop, data, port=port, wait=False, args=ROOMY, **more) as server:
        server.port, server.api = port, millrace.Api(port)

        def stopped():
            try:
                answer = server.api.get("/readyz")
            except OSError:
                return False
            return answer.status == 503 and set(states(data).values()) == {"stopped"}

        millrace.wait_until(stopped, what="stopped")
        yield server
