"""Dead letters that nobody can mend are dismissed: they wait no more, whatever is built anew."""

import json
import sqlite3

import millrace
import pytest
from millrace import Server, deadletters

ORDERS = """
collection: orders
key: id
fields:
  id:     {type: text, required: true}
  amount: {type: "decimal(10,2)", required: true}
"""
PIPELINE = """
pipeline: orders_now
from: {changes: orders, start: earliest}
on_error: park_key
require: [amount >= 0]
sql: SELECT id, amount FROM changes
to:
  - table: {name: orders_now, key: id}
"""
PATH = "/api/collections/orders/records"
IDS = "SELECT id FROM orders_now ORDER BY id"


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", {"orders": ORDERS}, {"orders_now": PIPELINE})


def waiting(server):
    name = 'pipeline_dead_letters_waiting{pipeline="orders_now",sink="table.orders_now"} '
    return next(int(line.split()[-1]) for line in server.api.get("/metrics").body.decode().splitlines() if line.startswith(name))


def test_a_dismissed_letter_waits_no_more_whatever_is_built_anew(project, data):
    with Server(project, data) as server:
        assert server.api.post(PATH, [{"id": "a", "amount": "1.00"}, {"id": "b", "amount": "-1.00"}, {"id": "c", "amount": "-2.00"}]).status == 201
        assert server.api.request("PATCH", f"{PATH}/b", {"amount": "5.00"}).status == 200
        millrace.wait_drained(data)
        assert waiting(server) == 3  # b twice, for its later change is parked behind the first
        refused = millrace.run("deadletters", "dismiss", "--data", data, check=False)
        assert refused.returncode == 2 and "--all" in refused.stderr
        assert "1 letters would be dismissed, for good: --apply does it" in deadletters("dismiss", data, "--key", "b", "--stage", "require")
        assert len(millrace.dead_letters(data)) == 3, "a preview dismisses nothing"
        long = millrace.run("deadletters", "dismiss", "--data", data, "--all", "--apply", "--reason", "x" * 1001, check=False)
        assert long.returncode == 1 and "at most 1000 bytes" in long.stderr
        done = deadletters("dismiss", data, "--key", "b", "--stage", "require", "--reason", "a test order", "--apply", "--json")
        assert json.loads(done) == {"dismissed": 1}
        assert deadletters("dismiss", data, "--key", "b", "--stage", "require", "--apply") == "no open letters match\n"
        # Its record is free again; what waited behind it can be sent.
        deadletters("redrive", data, "--key", "b", "--quiet")
        assert [r["id"] for r in millrace.sql(data, IDS)] == ["a", "b"] and waiting(server) == 1
        assert "(dismissed: a test order)" in deadletters("list", data, "--state", "dismissed")
        shown = deadletters("show", data, "1")
        assert "dismissal a test order" in shown and '"amount": "-1.00"' in shown, shown
        traced = millrace.run("trace", "--data", data, "orders@1").stdout
        assert "stage require, dismissed, 1 attempts" in traced and "dismissed: a test order" in traced, traced
        metrics = server.api.get("/metrics").body.decode()
        assert 'pipeline_letters_dismissed_total{pipeline="orders_now",sink="table.orders_now"} 1' in metrics
        assert millrace.verify(data)["agree"]
        # Not what is mended alone.
        deadletters("mend", data, "--key", "c", "--set", "amount = 2", "--apply")
        assert [l["key"] for l in json.loads(deadletters("list", data, "--mended", "--json"))] == ["c"]
        deadletters("redrive", data, "--mended", "--quiet")
        # A replay gives the same, and does not open it.
        report = millrace.run("pipelines", "replay", "orders_now", "--project", project, "--data", data).stdout
        assert ", 0 dead letters wait\n" in report, report
        millrace.wait_until(lambda: waiting(server) == 0, what="redriven into the new table")
        assert [r["id"] for r in millrace.sql(data, IDS)] == ["a", "b", "c"] and millrace.dead_letters(data) == []
        assert server.api.post(PATH, {"id": "d", "amount": "-1.00"}).status == 201
        millrace.wait_drained(data)
        assert server.stop() == 0
    # Without a server; and a pipeline that would take it now gets it no more.
    assert deadletters("dismiss", data, "--all", "--apply", "--project", project) == "1 letters dismissed\n"
    (project / "pipelines" / "orders_now.yaml").write_text(PIPELINE.replace("amount >= 0", "amount >= -9"))
    millrace.run("pipelines", "rebuild", "orders_now", "--data", data, "--project", project)
    with Server(project, data) as server:
        millrace.wait_drained(data)
        millrace.wait_until(lambda: len(millrace.sql(data, IDS)) == 3, what="built anew without d")
        states = millrace.sql(data, "SELECT key, state, dismissal FROM dead_letters WHERE state = 'dismissed' ORDER BY id")
        assert states == [{"key": "b", "state": "dismissed", "dismissal": "a test order"}, {"key": "d", "state": "dismissed", "dismissal": None}]
        assert millrace.verify(data)["agree"]


CUSTOMERS = """
collection: customers
key: customer
fields:
  customer: {type: text, required: true}
  name:     {type: text, required: true}
"""
NAMED = """
pipeline: named
from: {changes: orders, start: earliest}
lookups:
  customers: {changes: customers, on: customer}
require: [amount >= 0]
sql: SELECT c.id, customers.name FROM changes c LEFT JOIN customers ON customers.customer = c.customer
to:
  - table: {name: named, key: id}
"""


def test_lookups_keep_no_rows_for_a_dismissed_letter(tmp_path, data):
    orders = ORDERS + "  customer: {type: text}\n"
    project = millrace.write_project(tmp_path / "project", {"orders": orders, "customers": CUSTOMERS}, {"named": NAMED})

    def rename(server, name):
        assert server.api.patch("/api/collections/customers/records/ann", {"name": name}).status == 200
        assert server.api.post(PATH, {"id": f"of {name}", "customer": "ann", "amount": "1.00"}).status == 201
        millrace.wait_drained(data)

    def names():
        with sqlite3.connect(data / "lookups" / "customers__customer.db") as db:
            found = [json.loads(document)["name"] for (document,) in db.execute("SELECT document FROM versions")]
        db.close()
        return found

    with Server(project, data) as server:
        assert server.api.post("/api/collections/customers/records", {"customer": "ann", "name": "Old"}).status == 201
        assert server.api.post(PATH, {"id": "o", "customer": "ann", "amount": "-1.00"}).status == 201
        millrace.wait_drained(data)
        for name in ("New", "Newer"):
            rename(server, name)
        assert "Old" in names(), "a redrive would need it"
        assert "1 letters dismissed" in deadletters("dismiss", data, "1", "--apply")
        for name in ("Newest", "Last"):
            rename(server, name)
        assert "Old" not in names() and "Last" in names()


def test_what_is_not_there_is_named(project, data):
    with Server(project, data) as server:
        assert server.api.post(PATH, {"id": "a", "amount": "-1.00"}).status == 201
        millrace.wait_drained(data)
        for where in ([], ["--project", project]):
            if where:
                assert server.stop() == 0
            for args, code, said in ((["1", "99", "--apply"], 5, "there is no dead letter 99"), (["--pipeline", "none", "--apply"], 5, "there is no pipeline none"),
                                     (["--sink", "table.none", "--apply"], 5, "there is no sink table.none"), (["--stage", "none"], 2, "--stage"),
                                     (["1", "99"], 0, "1 of 2 letters are not open, or not there")):
                refused = millrace.run("deadletters", "dismiss", "--data", data, *args, *where, check=False)
                assert refused.returncode == code and said in refused.stderr, (args, where, refused)
            assert deadletters("dismiss", data, "--key", "none", "--apply", *where) == "no open letters match\n"
            for none in ("state=eq.nonsense", "state=eq.all", "id=eq.1&state=eq.applied", "key=eq.", "key=eq.a&key=eq.b") if not where else ():
                assert server.api.get(f"/api/tables/dead_letters/rows?{none}").json["items"] == [], none
        assert [letter["id"] for letter in millrace.dead_letters(data)] == [1]


def test_more_letters_than_fit_into_memory_at_once_are_a_table(project, data):
    with Server(project, data) as server:
        assert server.api.post(PATH, {"id": "a", "amount": "-1.00"}).status == 201
        millrace.wait_drained(data)
        assert server.stop() == 0
    with sqlite3.connect(data / "pipelines.db") as db:
        db.execute("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 18000) INSERT INTO dead_letters "
                   "(id, pipeline, sink, event_id, stage, stream, \"offset\", version, key, reason, at, attempts, seen, first_at, outcome) "
                   "SELECT i, pipeline, sink, 'e' || i, iif(i % 2, 'sql', 'require'), stream, i, version, 'k' || i, reason, at, 1, seen, first_at, "
                   "'rebuilt' FROM n, dead_letters WHERE id = 1")
        db.execute("INSERT INTO letter_events (letter, payload) SELECT id, printf('{\"x\":\"%.4000c\"}', 'x') FROM dead_letters WHERE id > 1")
    db.close()
    with Server(project, data) as server:
        counted = millrace.sql(data, "SELECT state, count(*)::BIGINT AS n, min(length(payload))::BIGINT > 100 AS whole FROM dead_letters GROUP BY 1 ORDER BY 1")
        assert counted == [{"state": "open", "n": 1, "whole": True}, {"state": "rebuilt", "n": 17_999, "whole": True}]
        page = server.api.get("/api/tables/dead_letters/rows?key=eq.k17000&limit=2").json
        assert [one["id"] for one in page["items"]] == [17_000] and page["next_cursor"] is None
        page = server.api.get("/api/tables/dead_letters/rows?id=eq.17000&state=eq.rebuilt").json
        assert [one["key"] for one in page["items"]] == ["k17000"]
        assert [one["id"] for one in server.api.get("/api/tables/dead_letters/rows?state=eq.open").json["items"]] == [1]
        page = server.api.get("/api/tables/dead_letters/rows?stage=eq.sql&id=gt.17990&order=id&limit=2").json
        assert [one["id"] for one in page["items"]] == [17_991, 17_993] and page["next_cursor"]
