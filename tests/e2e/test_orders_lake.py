"""examples/orders-lake: every change of an order is one row of exactly these 13 columns, and what is
broken stops nothing. The lake is read by a DuckDB that is not ours."""

import datetime
import json
import shutil

import pytest

import millrace

COLUMNS = [
    ("cdc_operation_type", "VARCHAR"), ("cdc_timestamp", "TIMESTAMP WITH TIME ZONE"), ("mongo_doc_key", "VARCHAR"),
    ("order_id", "VARCHAR"), ("customer_id", "VARCHAR"), ("product_id", "VARCHAR"), ("quantity", "INTEGER"),
    ("price", "DOUBLE"), ("order_status", "VARCHAR"), ("order_created_at", "TIMESTAMP WITH TIME ZONE"),
    ("order_updated_at", "TIMESTAMP WITH TIME ZONE"), ("is_deleted", "BOOLEAN"),
    ("etl_processing_time", "TIMESTAMP WITH TIME ZONE"),
]
READ = """
import duckdb, json, sys
duckdb.sql("SET TimeZone = 'UTC'")
lake = f"read_parquet('{sys.argv[1]}/part-*.parquet')"
columns = [row[:2] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {lake}").fetchall()]
chunks = lake.replace("read_parquet", "parquet_metadata")
codecs = [row[0] for row in duckdb.sql(f"SELECT DISTINCT compression FROM {chunks} WHERE num_values > 0").fetchall()]
rows = duckdb.sql(f"SELECT to_json(r)::VARCHAR FROM (SELECT * FROM {lake}) r").fetchall()
rows = [json.loads(row[0]) for row in rows]
print(json.dumps({"columns": columns, "codecs": codecs, "rows": rows}))
"""
# A second reader, as Spark and pandas read: one whose Parquet is its own.
ARROW = """
import json, sys
import pyarrow.parquet
lake = pyarrow.parquet.read_table(sys.argv[1])
print(json.dumps({"columns": [[f.name, str(f.type)] for f in lake.schema], "operations": lake["cdc_operation_type"].to_pylist()}))
"""
ARROW_TYPES = {"VARCHAR": "string", "TIMESTAMP WITH TIME ZONE": "timestamp[us, tz=UTC]", "INTEGER": "int32",
               "DOUBLE": "double", "BOOLEAN": "bool"}
RECORDS = "/api/collections/orders_source/records"
CREATED = {"id": "a" * 24, "order_id": "o-1", "customer_id": "cust_1", "product_id": "prod_1", "quantity": 3,
           "price": 57.21}


def lake(data, path="transformed_orders"):
    return json.loads(millrace.venv_python(READ, data / "lake" / path))


@pytest.fixture
def project(tmp_path):
    """The example, but its files are closed ten times a second."""
    copy = tmp_path / "project"
    shutil.copytree(millrace.ROOT / "examples" / "orders-lake", copy)
    for file in (copy / "pipelines").iterdir():
        text = file.read_text()
        assert "roll: {every: 60s}" in text
        text = text.replace("roll: {every: 60s}", "roll: {every: 100ms}")
        file.write_text(text.replace("max_wait: 500ms", "max_wait: 20ms"))
    return copy


@pytest.fixture
def server(project, data):
    # Where the clock on the wall is 7 hours behind: times in files are UTC all the same.
    with millrace.Server(project, data, env={"TZ": "PST+7"}) as running:
        yield running


def send(server, event):
    body = event if isinstance(event, (bytes, str)) else json.dumps(event)
    answer = server.api.post("/api/streams/orders_cdc/events", body, {"Content-Type": "application/octet-stream"})
    assert answer.status == 201, answer


def test_the_example_is_whole(tmp_path):
    millrace.run("init", tmp_path / "shop", "--example", "orders-lake")
    assert "no problem found" in millrace.run("check", "--project", tmp_path / "shop").stdout
    for pipeline in ("orders_lake", "orders_cdc_lake"):
        text = (tmp_path / "shop" / "pipelines" / f"{pipeline}.yaml").read_text()
        for word in ("start: earliest", "max_rows: 100", "max_wait: 500ms", "every: 60s", "compression: snappy"):
            assert word in text


def test_every_change_is_one_row_of_thirteen_columns(server, data):
    api, began = server.api, datetime.datetime.now(datetime.UTC)
    assert api.post(RECORDS, CREATED).status == 201
    assert api.patch(f"{RECORDS}/{CREATED['id']}", {"status": "cancelled", "quantity": 5}).status == 200
    assert api.put(f"{RECORDS}/{CREATED['id']}", {**CREATED, "status": "cancelled"}).status == 200
    assert api.delete(f"{RECORDS}/{CREATED['id']}").status == 204
    millrace.wait_drained(data)
    server.stop()
    read = lake(data)
    assert [tuple(c) for c in read["columns"]] == COLUMNS
    assert read["codecs"] == ["SNAPPY"]
    rows = sorted(read["rows"], key=lambda row: row["cdc_timestamp"])
    assert [r["cdc_operation_type"] for r in rows] == ["insert", "update", "replace", "delete"]
    golden = rows[0]
    assert (golden["quantity"], golden["price"], golden["order_status"]) == (3, 57.21, "created")
    assert golden["mongo_doc_key"] == CREATED["id"] and golden["order_id"] == "o-1"
    assert golden["order_created_at"] == golden["order_updated_at"] == golden["cdc_timestamp"]
    assert rows[1]["quantity"] == 5 and rows[1]["order_updated_at"] > golden["order_updated_at"]
    gone = rows[3]
    assert gone["is_deleted"] is True and gone["order_status"] == "cancelled" and gone["quantity"] == 3
    assert [r["is_deleted"] for r in rows] == [False, False, False, True]
    assert all(r["etl_processing_time"] >= r["cdc_timestamp"] for r in rows)
    ended = datetime.datetime.now(datetime.UTC)
    assert all(began <= datetime.datetime.fromisoformat(r["etl_processing_time"]) <= ended for r in rows)
    arrow = json.loads(millrace.venv_python(ARROW, data / "lake" / "transformed_orders", packages=millrace.ARROW))
    assert arrow["columns"] == [[name, ARROW_TYPES[kind]] for name, kind in COLUMNS]
    assert sorted(arrow["operations"]) == sorted(r["cdc_operation_type"] for r in rows)


def test_golden_rows_of_events_from_outside(server, data):
    order = {"_id": "b" * 24, "order_id": "o-2", "customer_id": "cust_2", "product_id": "prod_2", "quantity": 3,
             "price": 57.21, "status": "created", "createdAt": "2026-11-21T07:00:05.123Z",
             "updatedAt": "2026-11-21T07:00:05.123Z", "__v": 0}
    event = {"operationType": "insert", "timestamp": "2026-11-21T07:00:05.000Z",
             "ns": {"db": "etl-db", "coll": "orders_source"}, "documentKey": {"_id": order["_id"]},
             "fullDocument": order}
    gone = {"operationType": "delete", "timestamp": "2026-11-21T07:00:06.000Z", "documentKey": {"_id": order["_id"]}}
    for one in (event, gone, {**gone, "fullDocumentBeforeChange": order}, "not json"):
        send(server, one)
    for operation in ("drop", "rename", "dropDatabase", "invalidate"):
        send(server, {"operationType": operation, "ns": {"db": "etl-db", "coll": "orders_source"}})
    send(server, {"operationType": "update", "documentKey": {"_id": "c"}, "fullDocument": None})  # vanished
    send(server, {"operationType": "insert", "fullDocument": {"_id": "d", "customer_id": "cust_3"}})  # no order id
    send(server, b'{"operationType":"insert","fullDocument":{"_id":"\xff"}}')
    send(server, {**event, "operationType": "replace"})  # and it goes on
    millrace.wait_drained(data)
    server.stop()
    rows = sorted(lake(data, "transformed_orders_cdc")["rows"], key=lambda row: row["etl_processing_time"])
    assert sorted(r["cdc_operation_type"] for r in rows) == ["delete", "insert", "replace"]
    by = {r["cdc_operation_type"]: r for r in rows}
    assert (by["insert"]["quantity"], by["insert"]["price"], by["insert"]["order_status"]) == (3, 57.21, "created")
    assert by["insert"]["cdc_timestamp"] == "2026-11-21 07:00:05+00"
    assert by["insert"]["order_created_at"] == "2026-11-21 07:00:05.123+00"
    assert by["delete"]["is_deleted"] is True and by["delete"]["order_id"] == "o-2"
    assert by["insert"]["is_deleted"] is by["replace"]["is_deleted"] is False
    letters = millrace.dead_letters(data)
    assert len(letters) == 9
    reasons = sorted((letter["stage"], letter["reason"].split(": ")[0]) for letter in letters)
    assert reasons == sorted([("decode", "fullDocumentBeforeChange"), ("decode", "not JSON"),
                              ("decode", "fullDocument"), ("decode", "the payload is not UTF-8"),
                              ("require", "failed")] + [("decode", "operationType")] * 4)


def test_every_cleaning_rule_fires_in_dirty_mode(server, data):
    summary = millrace.run("simulate", "orders", "--url", f"http://127.0.0.1:{server.port}", "--seed", "5", "--json",
                           "--quiet", "--rate", "500", "--count", "60", "--dirty", "--dirty-every", "2s")
    operations = json.loads(summary.stdout)["operations"]
    assert sum(1 for name in operations if name.startswith("dirty: ")) == 18
    millrace.wait_drained(data)
    reasons = {letter["reason"].split(" (")[0].split(", ")[0] for letter in millrace.dead_letters(data)}
    for wanted in ("failed: order_id is not null", "fullDocument: missing", "fullDocumentBeforeChange: missing",
                   "the payload is not UTF-8", "operationType: expected insert"):
        assert wanted in reasons
    assert any(reason.startswith("not JSON") for reason in reasons)
    assert any(reason.startswith("price: ") for reason in reasons)
    assert all(p["state"] == "running" for p in millrace.status(data))


def test_changes_leave_in_the_change_streams_form(server, data, project):
    api = server.api
    api.post(RECORDS, CREATED)
    api.patch(f"{RECORDS}/{CREATED['id']}", {"status": "shipped"})
    api.delete(f"{RECORDS}/{CREATED['id']}")
    wire = ["log", "read", "orders_source", "--codec", "mongodb-change-stream", "--project", project, "--data", data]
    millrace.wait_until(lambda: len(millrace.run(*wire).stdout.splitlines()) == 3, what="3 events")
    lines = millrace.run(*wire).stdout.splitlines()
    insert, update, delete = (json.loads(line) for line in lines)
    assert list(insert) == ["operationType", "timestamp", "clusterTimeRaw", "ns", "documentKey", "fullDocument"]
    assert list(insert["fullDocument"]) == ["_id", "order_id", "customer_id", "product_id", "quantity", "price",
                                            "status", "createdAt", "updatedAt", "__v"]
    assert list(update) == ["operationType", "timestamp", "clusterTimeRaw", "ns", "documentKey", "updateDescription",
                            "fullDocument"]
    assert set(update["updateDescription"]["updatedFields"]) == {"status", "updatedAt"}
    assert list(delete)[-1] == "fullDocumentBeforeChange" and delete["fullDocumentBeforeChange"]["status"] == "shipped"
    for line in lines:  # and the same lines come in again
        send(server, line)
    millrace.wait_drained(data)
    rows = lake(data, "transformed_orders_cdc")["rows"]
    assert sorted(r["cdc_operation_type"] for r in rows) == ["delete", "insert", "update"]


def test_kill_and_restart_lose_and_double_nothing(project, data):
    made = 0
    for start in range(3):
        with millrace.Server(project, data) as server:
            for _ in range(60):
                order = {**CREATED, "id": f"{made:024}", "order_id": f"o-{made}"}
                assert server.api.post(RECORDS, order).status == 201
                made += 1
            server.kill()
    with millrace.Server(project, data) as server:
        millrace.wait_drained(data)
    rows = lake(data)["rows"]
    assert sorted(r["order_id"] for r in rows) == sorted(f"o-{i}" for i in range(made))
