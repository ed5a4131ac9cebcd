"""`start: snapshot`: a pipeline begins with the records that there are, and misses or doubles no change."""

import json

import pytest

import millrace
from snapshots import (CUSTOMER_PATH, NOW, PATH, ROOMY, TIGHT, Writes, add_pipeline, check_lake, lose_position, order, records, resnapshot, snapshots,
                       stopped_server, table, wait_running, write_history, write_shop)


@pytest.fixture
def shop(tmp_path):
    return write_shop(tmp_path / "project")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_new_pipeline_begins_with_the_records_and_goes_on_with_the_changes(shop, data):
    with millrace.Server(shop, data, args=TIGHT) as server:
        write_history(server.api)
        assert server.stop() == 0
    add_pipeline(shop)
    assert millrace.run("check", shop).returncode == 0
    with millrace.Server(shop, data, args=ROOMY) as server:
        with Writes(server.port, "live"):
            wait_running(data)
        millrace.wait_drained(data)
        rows = table(data)
        assert rows == records(server.api) and len(rows) > 2900
        names = millrace.sql(data, "SELECT name, count(*)::BIGINT AS n FROM orders GROUP BY name ORDER BY name")
        assert [row["name"] for row in names] == ["name 1", "name 7"], names
        assert len(snapshots(data)) == 1
        assert server.stop() == 0
    read, changes = check_lake(data)
    assert read >= 2900 and changes >= 60
    with millrace.Server(shop, data, args=ROOMY) as server:
        assert server.api.post(PATH, order("after")).status == 201
        millrace.wait_drained(data)
        assert table(data) == records(server.api) and len(snapshots(data)) == 1


def begin_with_twenty(shop, data):
    """Twenty records of a snapshot, one of a change, in the table and in the lake."""
    with millrace.Server(shop, data) as server:
        assert server.api.post(CUSTOMER_PATH, {"customer_id": "c1", "name": "name 1"}).status == 201
        assert server.api.post(PATH, [order(f"o{k}") for k in range(20)]).status == 201
        server.stop()
    add_pipeline(shop)
    with millrace.Server(shop, data) as server:
        wait_running(data)
        assert server.api.post(PATH, order("after")).status == 201
        millrace.wait_drained(data)
        server.stop()


@pytest.mark.parametrize("select,field", [
    ("SELECT * FROM ROWS WHERE order_id <> 'o10'", "missing"),
    ("SELECT * FROM ROWS UNION ALL SELECT * FROM ROWS WHERE order_id = 'o10'", "doubled"),
    ("SELECT * REPLACE (CASE WHEN order_id = 'o10' THEN 'x' ELSE name END AS name) FROM ROWS", "altered"),
])
def test_a_row_of_a_snapshot_that_a_lake_does_not_hold_as_it_was_is_named(shop, data, select, field):
    begin_with_twenty(shop, data)
    orders = millrace.verify(data)["collections"]["orders"]
    assert (orders["verdict"], orders["left_out"]) == ("agrees", [])
    rows = {name: (one["rows"], one.get("rerun")) for name, one in orders["history"].items()}
    assert rows["lake.orders_history/snapshot"] == (20, True) and rows["lake.orders_history"][0] == 1
    version = {row["order_id"]: row["version"] for row in millrace.sql(data, "SELECT order_id, version FROM lake.orders_history")}
    millrace.plant_in_lake(data, "orders_history", select, partition=2)
    (finding,) = millrace.verify(data)["collections"]["orders"]["findings"]
    assert (finding["stage"], finding["store"]) == ("lake", "lake.orders_history/snapshot")
    assert [len(finding[one]) for one in ("missing", "doubled", "altered")] == [one == field for one in ("missing", "doubled", "altered")]
    assert finding[field][0].split(":", 1)[1].replace(":", "") + "00000000" == version["o10"]


def test_a_row_of_a_snapshot_that_a_table_lost_is_named(shop, data):
    begin_with_twenty(shop, data)
    lost = millrace.plant_in_table(data, "orders", "DELETE FROM PART WHERE order_id = 'o7'; SELECT 7")
    assert lost == "7"
    (finding,) = millrace.verify(data)["collections"]["orders"]["findings"]
    assert (finding["stage"], finding["store"]) == ("table", "orders") and finding["doubled"] == finding["altered"] == []
    (item,) = json.loads(millrace.run("trace", finding["missing"][0], "--data", data, "--json").stdout)["items"]
    assert item["key"] == "o7"


def test_a_pipeline_that_lost_its_position_goes_on_from_a_new_snapshot(shop, data):
    lose_position(shop, data)
    with stopped_server(shop, data) as server:
        reason = millrace.status(data)[0]["sinks"][0]["reason"]
        assert reason.startswith("position_lost: ") and "millrace pipelines resnapshot orders_now" in reason
        stale = table(data)
        assert "o4" in stale and "missed1" not in stale
        with Writes(server.port, "live"):
            report = json.loads(resnapshot(shop, data, "--json").stdout)["sinks"][0]
        assert report["target"] == "table orders" and report["snapshot"] > 0
        millrace.wait_drained(data)
        rows = table(data)
        assert rows == records(server.api) and "o4" not in rows and "missed1" in rows and "live1" in rows
        assert server.api.delete(f"{PATH}/missed1").status == 204
        millrace.wait_drained(data)
        assert table(data) == records(server.api)
        assert server.api.get("/readyz").status == 200
        assert server.stop() == 0
    with millrace.Server(shop, data, args=ROOMY) as server:
        millrace.wait_drained(data)
        assert table(data) == records(server.api)


def test_a_replay_where_the_log_is_cut_begins_with_a_snapshot(shop, data):
    lose_position(shop, data)
    refused = millrace.run("pipelines", "rebuild", "orders_now", "--project", shop, "--data", data, check=False)
    assert refused.returncode != 0 and "millrace pipelines replay orders_now" in refused.stderr
    compared = resnapshot(shop, data, "--compare", "--json", command="replay", check=False)
    assert compared.returncode == 1 and json.loads(compared.stdout)["sinks"][0]["difference"]["only_before"] > 50
    resnapshot(shop, data, command="replay")
    with millrace.Server(shop, data, args=ROOMY) as server:
        millrace.wait_drained(data)
        assert table(data) == records(server.api)
        assert server.stop() == 0
    assert millrace.verify(data)["agree"]


def test_a_lake_goes_on_in_a_new_folder_or_behind_a_gap_that_it_names(shop, data):
    lose_position(shop, data, NOW.replace("start: snapshot", "start: earliest"))
    with stopped_server(shop, data) as server:
        before = millrace.sql(data, 'SELECT count(*)::BIGINT AS n FROM lake.orders_history')[0]["n"]
        resnapshot(shop, data, "--lake-to", "again")
        assert check_lake(data, "again") == (len(records(server.api)), 0)
        assert millrace.sql(data, 'SELECT count(*)::BIGINT AS n FROM lake.orders_history')[0]["n"] == before
        with Writes(server.port, "live"):
            report = json.loads(resnapshot(shop, data, "--lake-gap", "--json").stdout)["sinks"]
            assert [one["sink"] for one in report] == ["lake.orders_history"]
            upto = snapshots(data)[-1]
            resnapshot(shop, data)
        millrace.wait_drained(data)
        assert table(data) == records(server.api)
        again = resnapshot(shop, data, "--lake-gap", check=False)
        assert again.returncode != 0 and "no lake of orders_now has lost its position" in again.stderr
        assert server.stop() == 0
    rows = millrace.sql(data, 'SELECT op, version FROM lake.orders_history')
    assert sum(row["op"] == "r" for row in rows) == upto["rows"]
    later = [row["version"] for row in rows if int(row["version"][8:24], 16) > upto["position"]]
    logged = [one["event"]["source"]["position"] for one in millrace.log_events(data, "orders")]
    assert sorted(int(version[8:24], 16) for version in later) == [one for one in logged if one > upto["position"]]
    gaps = millrace.venv_python(
        "import duckdb, sys; print(duckdb.sql(f\"select value::varchar from parquet_kv_metadata('{sys.argv[1]}/*.parquet') "
        "where key::varchar = 'millrace.gap'\").fetchall())", data / "lake" / "orders_history")
    assert gaps.count("position_lost: changes from ") == 1, gaps


def test_a_stream_has_no_records_to_begin_with(shop):
    (shop / "streams" / "clicks.yaml").write_text("stream: clicks\nfields:\n  n: bigint\n")
    add_pipeline(shop, "pipeline: p\nfrom: {stream: clicks, start: snapshot}\nsql: SELECT n FROM changes\nto: [{lake: {path: clicks/}}]\n")
    refused = millrace.run("check", shop, check=False)
    assert refused.returncode != 0 and "start: snapshot begins with the records of a collection" in refused.stdout + refused.stderr
