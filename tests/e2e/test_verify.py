"""millrace verify: what is lost or doubled is named with table, slice and stage, also under load."""

import json
import sqlite3
import threading

import pytest

import millrace

ORDERS = "/api/collections/orders/records"

# Everything passed through, so that every store can be compared.
ALL = """
pipeline: all
from: {changes: orders, start: earliest}
sql: |
  SELECT order_id, customer_id, amount, status, note, _created_at, _updated_at, _version, _id, _op FROM changes
to:
  - table: {name: orders, key: order_id, on_delete: delete}
  - lake:  {path: orders_history/, roll: {rows: 1000000, every: 300ms}}
"""
REFUSING = ALL.replace("pipeline: all", "pipeline: refusing").replace("sql: |", "require: [amount < 50]\nsql: |").replace(
    "name: orders", "name: cheap").replace("orders_history", "cheap_history")


@pytest.fixture
def shop(shop):
    (shop / "pipelines" / "orders_now.yaml").write_text(ALL)
    return shop


def post(server, *numbers, amount=5):
    for number in numbers:
        order = {"order_id": f"o{number}", "customer_id": "c", "amount": amount}
        assert server.api.post(ORDERS, order).status == 201


def verify(data, *args):
    result = millrace.run("verify", "--data", data, "--json", *args, check=False)
    assert result.returncode in (0, 1, 8, 9), result.stderr
    verdict = json.loads(result.stdout)
    assert result.returncode == {"agrees": 0, "disagrees": 1, "behind": 8, "incomplete": 9}[verdict["verdict"]]
    return verdict


def plant_in_lake(data, kind):
    """Takes one row out of the newest file with rows, or puts one in twice. Its event id."""
    return millrace.venv_python("""
import duckdb, glob, os, sys
files = [f for f in sorted(glob.glob(sys.argv[1] + "/part-0000-0*.parquet"))
         if duckdb.sql(f"SELECT count(*) FROM read_parquet('{f}')").fetchone()[0] > 0]
file, kind = files[-1], sys.argv[2]
pairs = duckdb.sql(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{file}')").fetchall()
metadata = ", ".join("'%s': '%s'" % (k.replace("'", "''"), v.replace("'", "''")) for k, v in pairs)
rows = f"read_parquet('{file}')"
victim = duckdb.sql(f"SELECT min(_id) FROM {rows}").fetchone()[0]
select = {"lost": f"SELECT * FROM {rows} WHERE _id != '{victim}'",
          "doubled": f"SELECT * FROM {rows} UNION ALL SELECT * FROM {rows} WHERE _id = '{victim}'",
          "altered": f"SELECT * REPLACE (CASE WHEN _id = '{victim}' THEN 'other' ELSE customer_id END AS customer_id) FROM {rows}"}[kind]
duckdb.sql(f"COPY ({select}) TO '{file}.new' (FORMAT parquet, KV_METADATA {{{metadata}}})")
os.replace(file + ".new", file)
print(victim)
""", data / "lake" / "orders_history", kind).strip()


def plant_in_table(data, sql):
    """Writes beside Millrace into the table's parts, with no server running."""
    return millrace.venv_python("""
import duckdb, sys
db = duckdb.connect(sys.argv[1])
part = db.sql("SELECT table_name FROM duckdb_tables() WHERE schema_name = '_mr' AND table_name LIKE 'orders.delta.%'").fetchone()[0]
db.sql(sys.argv[2].replace("PART", f'_mr."{part}"'))
db.close()
""", data / "warehouse.duckdb", sql)


def findings(verdict):
    return [finding for one in verdict["collections"].values() for finding in one["findings"]]


def test_a_stopped_directory_agrees_and_says_how_it_was_cut(shop, data):
    with millrace.Server(shop, data) as server:
        post(server, *range(20))
        server.api.patch(f"{ORDERS}/o3", {"amount": 7})
        server.api.delete(f"{ORDERS}/o4")
        server.stop()
    verdict = verify(data)
    orders = verdict["collections"]["orders"]
    assert verdict["verdict"] == "agrees" and verdict["agree"] and verdict["slice_seconds"] == 60
    assert {name: one["rows"] for name, one in orders["history"].items()} == {"records": 22, "log": 22, "lake.orders_history": 22}
    assert {name: one["rows"] for name, one in orders["state"].items()} == {"records": 19, "log": 19, "orders": 19}
    assert verify(data, "--slice", "24h")["slice_seconds"] == 86400
    assert millrace.run("verify", "--data", data, "--slice", "5s", check=False).returncode != 0


@pytest.mark.parametrize("kind,field", [("lost", "missing"), ("doubled", "doubled"), ("altered", "altered")])
def test_a_planted_row_in_the_lake_is_named(shop, data, kind, field):
    with millrace.Server(shop, data) as server:
        post(server, *range(20))
        millrace.wait_drained(data)
        server.stop()
    victim = plant_in_lake(data, kind)
    verdict = verify(data)
    assert verdict["verdict"] == "disagrees"
    (finding,) = findings(verdict)
    assert (finding["stage"], finding["store"]) == ("lake", "lake.orders_history")
    assert finding[field] == [victim]
    assert [finding[other] for other in ("missing", "doubled", "altered") if other != field] == [[], []]
    off = {"lost": -1, "doubled": 1, "altered": 0}[kind]
    assert finding["found"]["rows"] - finding["expected"]["rows"] == off
    (item,) = json.loads(millrace.run("trace", victim, "--data", data, "--json").stdout)["items"]
    assert millrace.in_slice(finding["slice"], item["accepted_at"])
    text = millrace.run("verify", "--data", data, check=False).stdout
    assert "orders: DISAGREES" in text and f"{field}" in text and victim in text
    # And while the server runs: with more to do, and in the metrics.
    with millrace.Server(shop, data) as server:
        stop = threading.Event()
        other = millrace.Api(server.port)

        def write():
            number = 1000
            while not stop.is_set():
                other.post(ORDERS, {"order_id": f"o{number}", "customer_id": "c", "amount": 1})
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                (finding,) = findings(verify(data))
                assert finding["store"] == "lake.orders_history" and finding[field] == [victim]
        finally:
            stop.set()
            writer.join()
        metrics = server.api.get("/metrics").body.decode()
        labels = '{collection="orders",stage="lake",store="lake.orders_history"}'
        assert f"verify_rows_missing{labels} {1 if kind == 'lost' else 0}" in metrics
        assert f"verify_rows_extra{labels} {1 if kind == 'doubled' else 0}" in metrics
        assert f"verify_slices_wrong{labels} 1" in metrics
        assert 'verify_rows_missing{collection="orders",stage="table",store="orders"} 0' in metrics


def test_a_planted_row_in_the_table_is_named(shop, data):
    with millrace.Server(shop, data) as server:
        post(server, *range(20))
        server.api.patch(f"{ORDERS}/o3", {"amount": 7})
        millrace.wait_drained(data)
        server.stop()
    ids = {key: json.loads(millrace.run("trace", key, "--data", data, "--json").stdout)["items"][0]["event_id"]
           for key in ("o3", "o5", "o7")}
    # Lost; of a key that was never there; and another content.
    plant_in_table(data, "DELETE FROM PART WHERE order_id = 'o5'")
    plant_in_table(data, "INSERT INTO PART SELECT * REPLACE ('ghost' AS order_id) FROM PART WHERE order_id = 'o7'")
    plant_in_table(data, "UPDATE PART SET amount = 8 WHERE order_id = 'o3' AND amount = 7")
    verdict = verify(data)
    found = findings(verdict)
    assert {(one["stage"], one["store"]) for one in found} == {("table", "orders")}
    assert [id for one in found for id in one["missing"]] == [ids["o5"]]
    assert [id for one in found for id in one["doubled"]] == [ids["o7"]]
    assert [id for one in found for id in one["altered"]] == [ids["o3"]]
    with millrace.Server(shop, data):
        assert findings(verify(data)) == found


def test_a_record_and_a_logged_event_that_are_lost_are_named(shop, data):
    with millrace.Server(shop, data) as server:
        post(server, *range(5))
        for name in ("ada", "bob"):
            server.api.post("/api/collections/customers/records", {"customer_id": name, "name": name})
        millrace.wait_drained(data)
        server.stop()
    with sqlite3.connect(data / "records.db") as db:
        db.execute("DELETE FROM r_customers WHERE key = 'ada'")
        db.execute("UPDATE collections SET changes = changes + 1 WHERE name = 'orders'")
    db.close()
    found = {(one["stage"], one["store"]): one for one in findings(verify(data))}
    assert found["source", "records"]["missing"] == ["records:00000000:0000000000000006"]
    assert found["log", "log"]["expected"]["rows"] - found["log", "log"]["found"]["rows"] == 1


def test_under_load_nothing_is_a_false_alarm(shop, data):
    """Four writers, short rolls, deletes and patches: behind or agreeing, never disagreeing."""
    (shop / "pipelines" / "refusing.yaml").write_text(REFUSING)
    with millrace.Server(shop, data) as server:
        stop = threading.Event()

        def write(name):
            api = millrace.Api(server.port)
            number = 0
            while not stop.is_set():
                key = f"{name}-{number % 50}"
                if api.post(ORDERS, {"order_id": key, "customer_id": "c", "amount": number % 70}).status == 409:
                    api.patch(f"{ORDERS}/{key}", {"amount": number % 70})
                if number % 7 == 0:
                    api.delete(f"{ORDERS}/{key}")
                number += 1

        writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for writer in writers:
            writer.start()
        try:
            verdicts = [verify(data) for _ in range(8)]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert [findings(verdict) for verdict in verdicts] == [[]] * 8
        assert any(verdict["verdict"] == "behind" for verdict in verdicts)
        behind = [v for v in verdicts if v["verdict"] == "behind"][0]
        assert not behind["agree"]
        millrace.wait_drained(data)
        last = verify(data)
        assert last["verdict"] == "agrees", last
        assert last["collections"]["orders"]["dead_letters"] > 0
        server.kill()
    assert verify(data)["verdict"] in ("agrees", "behind")


def test_an_open_file_is_behind_and_not_a_difference(tmp_path, shop, data):
    (shop / "pipelines" / "orders_now.yaml").write_text(ALL.replace("300ms", "1h"))
    with millrace.Server(shop, data) as server:
        post(server, *range(3))
        millrace.wait_until(lambda: millrace.sql(data, "SELECT count(*)::INT AS n FROM orders") == [{"n": 3}])
        verdict = verify(data)
        assert verdict["verdict"] == "behind"
        assert verdict["collections"]["orders"]["history"]["lake.orders_history"]["behind"] == 3
        assert verdict["collections"]["orders"]["state"]["orders"]["behind"] == 0
        assert "3 events behind" in millrace.run("verify", "--data", data, check=False).stdout
        server.stop()
    assert verify(data)["verdict"] == "agrees"


def test_a_sink_that_starts_later_is_compared_from_its_start(shop, data):
    with millrace.Server(shop, data) as server:
        post(server, *range(5))
        millrace.wait_drained(data)
        server.stop()
    late = ALL.replace("pipeline: all", "pipeline: late").replace("earliest", "latest").replace("orders_history", "late").replace(
        "  - table: {name: orders, key: order_id, on_delete: delete}\n", "")
    (shop / "pipelines" / "late.yaml").write_text(late)
    with millrace.Server(shop, data) as server:
        post(server, *range(5, 8))
        millrace.wait_drained(data)
        verdict = verify(data)
    assert verdict["verdict"] == "agrees", verdict
    assert verdict["collections"]["orders"]["history"]["lake.late"]["rows"] == 3


def test_what_the_log_has_dropped_is_compared_with_the_record_store(shop, data):
    options = ["--set", "log.segment_size=1MiB", "--set", "log.max_bytes=2MiB"]
    with millrace.Server(shop, data, args=options) as server:
        for number in range(60):
            order = {"order_id": f"o{number}", "customer_id": "c" * 100_000, "amount": 1}
            assert server.api.post(ORDERS, order).status == 201
            if number % 10 == 9:
                millrace.wait_drained(data)
        verdict = verify(data)
        server.stop()
    assert verdict["verdict"] == "agrees", verdict
    assert "log: retention has dropped" in " ".join(verdict["collections"]["orders"]["left_out"])
    assert verdict["collections"]["orders"]["history"]["lake.orders_history"]["rows"] == 60
