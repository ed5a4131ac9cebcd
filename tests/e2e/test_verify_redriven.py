"""millrace verify compares what a redrive brought: mended rows that are lost, doubled or altered are named."""

import json
import threading

import conftest
import pytest

import millrace

ORDERS = "/api/collections/orders/records"
CUSTOMERS = "/api/collections/customers/records"

# Left out by WHERE, computed, looked up as of the change. Amounts of 100 and more die.
KEPT = """
pipeline: kept
from: {changes: orders, start: earliest}
lookups: {customers: {changes: customers, on: customer_id}}
require: [amount < 100]
sql: |
  SELECT o.order_id, customers.name, o.amount * 2 AS twice, _processed_at AS seen
  FROM changes o LEFT JOIN customers ON customers.customer_id = o.customer_id WHERE o.amount >= 10
to:
  - table: {name: kept, key: order_id, on_delete: delete}
  - lake:  {path: kept/, roll: {rows: 1000000, every: 200ms}}
  - lake:  {path: bare/, offset_column: false, roll: {rows: 1000000, every: 200ms}}
"""
# Every field passed through.
ALL = """
pipeline: all
from: {changes: orders, start: earliest}
require: [amount < 100]
sql: |
  SELECT order_id, customer_id, amount, status, note, _created_at, _updated_at, _version, _id, _op FROM changes
to:
  - table: {name: whole, key: order_id, on_delete: delete}
"""


def order(number, amount):
    return {"order_id": f"o{number:02}", "customer_id": "ada", "amount": amount}


def redrive(data, mend="amount = amount - 100", expect=0, **where):
    chosen = [part for name, value in where.items() for part in (f"--{name}", value)] or ["--all"]
    for pipeline in ("all", "kept"):
        millrace.run("deadletters", "mend", *chosen, "--pipeline", pipeline, "--set", mend, "--apply", "--data", data, check=False)
    result = millrace.run("deadletters", "redrive", *chosen, "--json", "--data", data, check=False)
    assert expect is None or result.returncode == expect, result.stdout + result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def redriven(tmp_path_factory):
    """A project, and its data after a redrive: o00 to o19, of which 5 to 9 died in each sink.

    o05 and o06 are mended to a row, o07 to one that WHERE leaves out, o08 was changed since, o09 waits."""
    root = tmp_path_factory.mktemp("redriven")
    shop = root / "project"
    millrace.write_project(shop, {"orders": conftest.ORDERS, "customers": conftest.CUSTOMERS}, {})
    for name, text in (("kept", KEPT), ("all", ALL)):
        (shop / "pipelines" / f"{name}.yaml").write_text(text)
    data = root / "data"
    with millrace.Server(shop, data) as server:
        server.api.post(CUSTOMERS, {"customer_id": "ada", "name": "Ada"})
        amounts = {5: 120, 6: 130, 7: 101, 8: 140, 9: 150}
        for number in range(20):
            assert server.api.post(ORDERS, order(number, amounts.get(number, number + 10))).status == 201
        server.api.patch(f"{CUSTOMERS}/ada", {"name": "Ada of later"})
        server.api.patch(f"{ORDERS}/o08", {"amount": 20})
        millrace.wait_drained(data)
        for number in (5, 6, 7, 8):
            redrive(data, key=f"o{number:02}")
        millrace.wait_drained(data)
        server.stop()
    return shop, data


@pytest.fixture
def planted(redriven, tmp_path):
    shop, data = redriven
    copy = tmp_path / "data"
    millrace.copy_data(data, copy)
    return copy


def verify(data, *args):
    result = millrace.run("verify", "--data", data, "--json", *args, check=False)
    assert result.returncode in (0, 1, 8, 9), result.stderr
    return json.loads(result.stdout)


def findings(verdict):
    return [one for each in verdict["collections"].values() for one in each["findings"]]


def event_of(data, number):
    """Of the letters of this order."""
    letters = json.loads(millrace.run("deadletters", "list", "--state", "all", "--key", f"o{number:02}", "--data", data, "--json").stdout)
    return letters[0]["event_id"]


def test_what_was_redriven_is_as_its_pipeline_makes_it(redriven):
    shop, data = redriven
    verdict = verify(data)
    orders = verdict["collections"]["orders"]
    assert verdict["verdict"] == "agrees", verdict
    # o05, o06 and o08; o07 was left out by WHERE.
    assert orders["history"]["lake.kept/redriven"]["rows"] == 3 and orders["history"]["lake.kept/redriven"]["rerun"]
    assert orders["history"]["lake.bare/redriven"]["rows"] == 3
    assert orders["state"]["kept"]["rows"] == 18 and orders["state"]["whole"]["rows"] == 19
    assert "rerun" not in orders["state"]["whole"]
    names = millrace.sql(data, "SELECT order_id, name FROM kept WHERE order_id IN ('o05', 'o08')")
    assert {row["order_id"]: row["name"] for row in names} == {"o05": "Ada", "o08": "Ada of later"}


@pytest.mark.parametrize("folder,select,field", [
    ("kept", "SELECT * FROM ROWS WHERE order_id <> 'o05'", "missing"),
    ("kept", "SELECT * FROM ROWS UNION ALL SELECT * FROM ROWS WHERE order_id = 'o05'", "doubled"),
    ("kept", "SELECT * REPLACE (CASE WHEN order_id = 'o05' THEN 'x' ELSE name END AS name) FROM ROWS", "altered"),
    ("bare", "SELECT * FROM ROWS WHERE order_id <> 'o05'", "missing"),
])
def test_what_is_wrong_in_a_lake_is_named(planted, folder, select, field):
    millrace.plant_in_lake(planted, folder, select, partition=1)
    (finding,) = findings(verify(planted))
    assert (finding["stage"], finding["store"]) == ("lake", f"lake.{folder}/redriven")
    assert finding["found"]["rows"] - finding["expected"]["rows"] == {"missing": -1, "doubled": 1, "altered": 0}[field]
    assert {name: finding[name] for name in ("missing", "doubled", "altered")} == {"missing": [], "doubled": [], "altered": []} | {
        field: [event_of(planted, 5)]}
    (item,) = json.loads(millrace.run("trace", finding[field][0], "--data", planted, "--json").stdout)["items"]
    assert millrace.in_slice(finding["slice"], item["accepted_at"])


def test_a_redriven_row_among_the_changes_is_one_too_many(planted):
    """As a sink would have it that took the event twice: once redriven, once as it read its stream again."""
    millrace.plant_in_lake(planted, "kept", "SELECT * FROM ROWS UNION ALL BY NAME SELECT * REPLACE ('o05' AS order_id, "
                           "5 AS _offset) FROM ROWS WHERE _offset = 4")
    (finding,) = findings(verify(planted))
    assert (finding["store"], finding["doubled"]) == ("lake.kept", [event_of(planted, 5)])


@pytest.mark.parametrize("table", ["kept", "whole"])
def test_what_is_wrong_in_a_table_is_named(redriven, planted, table):
    column = {"kept": "twice", "whole": "amount"}[table]
    millrace.plant_in_table(planted, table, "DELETE FROM PART WHERE order_id = 'o05'")
    millrace.plant_in_table(planted, table, f"UPDATE PART SET {column} = 8 WHERE order_id = 'o06'")
    # What waits has no row, nor has what the pipeline left out.
    millrace.plant_in_table(planted, table, "INSERT INTO PART SELECT * REPLACE ('o09' AS order_id) FROM PART WHERE order_id = 'o04'")
    found = findings(verify(planted))
    assert {(one["stage"], one["store"]) for one in found} == {("table", table)}
    named = {name: [id for one in found for id in one[name]] for name in ("missing", "doubled", "altered")}
    (four,) = json.loads(millrace.run("trace", "orders/o04", "--data", planted, "--json").stdout)["items"]
    assert named == {"missing": [event_of(planted, 5)], "altered": [event_of(planted, 6)], "doubled": [four["event_id"]]}
    if table == "whole":  # compared with the log as it is
        (redriven[0] / "moved").mkdir(exist_ok=True)
        (redriven[0] / "moved" / "millrace.yaml").write_text("name: another\naccess: open\n")
        plain = findings(verify(planted, "--project", redriven[0] / "moved"))
        assert {name: [id for one in plain for id in one[name]] for name in named} == named


def test_letters_that_die_again_wait_or_are_sent_twice_are_no_difference(redriven, planted):
    shop, _ = redriven
    with millrace.Server(shop, planted) as server:
        counts = redrive(planted, "amount = amount + 1", expect=1, key="o09")
        assert counts["died"] == 4
        assert verify(planted)["verdict"] == "agrees"
        assert server.api.post(ORDERS, order(30, 170)).status == 201
        millrace.wait_drained(planted)
        redrive(planted, "amount = 60", key="o09")
        redrive(planted, "amount = 70", key="o30")
        assert server.api.delete(f"{ORDERS}/o05").status == 204
        millrace.wait_drained(planted)
        assert verify(planted)["verdict"] == "agrees"
        server.stop()
    millrace.plant_in_table(planted, "kept", "UPDATE PART SET twice = 8 WHERE order_id = 'o09'")
    (finding,) = findings(verify(planted))
    assert finding["altered"] == [event_of(planted, 9)]


def test_what_an_older_definition_redrove_is_left_out_and_said(redriven, planted, tmp_path):
    shop = tmp_path / "changed"
    millrace.copy_data(redriven[0], shop)
    (shop / "pipelines" / "kept.yaml").write_text(KEPT.replace("amount * 2", "amount * 3"))
    with millrace.Server(shop, planted) as server:
        assert server.api.post(ORDERS, order(40, 180)).status == 201
        millrace.wait_drained(planted)
        redrive(planted, key="o40")
        millrace.wait_drained(planted)
        server.stop()
    verdict = verify(planted)
    assert verdict["verdict"] == "agrees", verdict
    left_out = verdict["collections"]["orders"]["left_out"]
    assert any(why.startswith("lake.kept/redriven: 4 events") for why in left_out), left_out
    millrace.plant_in_lake(planted, "kept", "SELECT * FROM ROWS WHERE order_id <> 'o05'", partition=1)
    assert findings(verify(planted)) == []
    millrace.plant_in_table(planted, "kept", "DELETE FROM PART WHERE order_id = 'o40'")
    (finding,) = findings(verify(planted))
    assert finding["missing"] == [event_of(planted, 40)]


def test_while_redrives_go_on_nothing_is_a_false_alarm(redriven, planted):
    shop, _ = redriven
    with millrace.Server(shop, planted) as server:
        stop, applied = threading.Event(), []

        def load():
            api = millrace.Api(server.port)
            number = 100
            while not stop.is_set():
                api.post(ORDERS, {"order_id": f"o{number % 40}", "customer_id": "ada", "amount": 110 + number % 80})
                api.patch(f"{ORDERS}/o{number % 40}", {"amount": 10 + number % 120})
                number += 1

        def mend():
            while not stop.is_set():
                applied.append(redrive(planted, "amount = 50", expect=None)["applied"])

        workers = [threading.Thread(target=load), threading.Thread(target=mend)]
        for worker in workers:
            worker.start()
        try:
            verdicts = [verify(planted) for _ in range(4)]
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        assert [findings(verdict) for verdict in verdicts] == [[]] * 4
        redrive(planted, "amount = 50")
        millrace.wait_drained(planted)
        last = verify(planted)
        assert last["verdict"] == "agrees", last
        assert sum(applied) > 0 and last["collections"]["orders"]["history"]["lake.kept/redriven"]["rows"] > 3
