"""Dead letters: shown, mended with SQL and redriven, with a server and without one."""

import json

import millrace
import pytest
from millrace import Server, deadletters

ORDERS = """
collection: orders
key: id
fields:
  id:     {type: text, required: true}
  amount: {type: "decimal(10,2)", required: true}
  note:   {type: text}
"""

# An amount below zero dies in the table, a note that is no number in both sinks.
PIPELINE = """
pipeline: orders_now
from: {changes: orders, start: earliest}
batch: {max_rows: 1000, max_wait: 20ms}
require: [amount >= 0]
sql: SELECT id, amount, CAST(note AS INTEGER) AS number FROM changes
to:
  - table: {name: orders_now, key: id}
  - lake: {path: orders/, roll: {rows: 100000, every: 200ms}}
"""

PATH = "/api/collections/orders/records"


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", {"orders": ORDERS}, {"orders_now": PIPELINE})


def fill(server):
    rows = [{"id": f"o{i}", "amount": f"{i}.00", "note": str(i)} for i in range(20)]
    rows[3] |= {"amount": "-3.00"}
    rows[7] |= {"note": "seven"}
    assert server.api.post(PATH, rows).status == 201


def rows(data, source):
    return {r["id"]: (float(r["amount"]), r["number"]) for r in millrace.sql(data, f"SELECT id, amount, number FROM {source}")}


CLEAN = {f"o{i}": (float(i), i) for i in range(20)}


@pytest.mark.parametrize("running", [True, False])
def test_mended_and_redriven_letters_end_as_clean_input(project, data, running):
    with Server(project, data) as server:
        fill(server)
        millrace.wait_drained(data)
        assert len(millrace.dead_letters(data)) == 4
        if not running:
            server.stop()
        where = [] if running else ["--project", project]
        text = deadletters("mend", data, "--all", "--set", "amount = abs(amount)", *where, expect=1)
        assert text.startswith("letter 1 ") and "4 letters: 2 would change, 2 unchanged, 2 would still fail" in text, text
        preview = json.loads(deadletters("mend", data, "--key", "o3", "--set", "amount = abs(amount)", "--json", *where))
        assert (preview["letters"], preview["changed"], preview["failing"], preview["applied"]) == (2, 2, 0, False)
        assert json.loads(preview["items"][0]["after"])["amount"] == "3.00"
        assert all(l["mended"] is None for l in millrace.dead_letters(data)), "a preview stores nothing"
        deadletters("mend", data, "--key", "o3", "--set", "amount = abs(amount)", "--apply", *where)
        deadletters("mend", data, "--key", "o7", "--set", "note = CASE note WHEN 'seven' THEN '7' END", "--apply", *where)
        mended = {l["key"]: l for l in millrace.dead_letters(data)}["o3"]
        assert json.loads(mended["payload"])["after"]["amount"] == "-3.00" and mended["mend"] == "amount = abs(amount)"
        out = json.loads(deadletters("redrive", data, "--all", "--json", *where))
        assert (out["applied"], out["superseded"], out["died"], out["waiting"]) == (4, 0, 0, 0)
        assert millrace.dead_letters(data) == []
        assert rows(data, "orders_now") == rows(data, "lake.orders") == CLEAN
        assert millrace.sql(data, "SELECT count(DISTINCT _offset) AS n FROM lake.orders") == [{"n": 20}]
        # Again there is nothing to do.
        assert json.loads(deadletters("redrive", data, "--all", "--json", *where))["letters"] == 0


def test_a_redrive_says_what_became_of_each(project, data):
    with Server(project, data) as server:
        fill(server)
        millrace.wait_drained(data)
        # o3 moves on before it is redriven: its letter is too late for the table, not for the lake.
        assert server.api.request("PATCH", f"{PATH}/o3", {"amount": "33.00"}).status == 200
        millrace.wait_drained(data)
        deadletters("mend", data, "--key", "o3", "--set", "amount = 1", "--apply")
        out = json.loads(deadletters("redrive", data, "--all", "--json", expect=1))
        assert (out["applied"], out["superseded"], out["died"]) == (1, 1, 2)
        assert rows(data, "orders_now")["o3"] == (33.0, 3)
        # trace says what became of it, and finds an event by its letter's place.
        traced = millrace.run("trace", "--data", data, "orders@3").stdout
        assert "dead letter of stage require, superseded, 1 attempts" in traced and "stage require, applied, 1 attempts" in traced, traced
        died = millrace.dead_letters(data)
        assert [(l["key"], l["attempts"], l["state"]) for l in died] == [("o7", 2, "open")] * 2
        assert json.loads(deadletters("list", data, "--state", "superseded", "--json"))[0]["sink"] == "table.orders_now"
        shown = deadletters("show", data, str(died[0]["id"]))
        assert '"note": "seven"' in shown and "attempts  2" in shown
        metrics = server.api.get("/metrics").body.decode()
        assert 'pipeline_redriven_total{pipeline="orders_now",sink="table.orders_now",outcome="superseded"} 1' in metrics
        assert 'pipeline_dead_letters_total{pipeline="orders_now",sink="lake.orders",stage="sql"} 2' in metrics


def test_what_cannot_be_mended_says_why(project, data):
    with Server(project, data) as server:
        fill(server)
        millrace.wait_drained(data)
        report = json.loads(deadletters("mend", data, "--key", "o7", "--set", "note = 'eight'", "--apply", "--json", expect=1))
        assert report["failing"] == 2 and "eight" in report["items"][0]["problem"]
        for bad, part in [(["--set", "nope = 1"], "fields that can be set: amount, note"), (["--set", "id = 'x'"], "it is the key"),
                          (["--set", "amount = nope"], "nope"), ([], "--set"), (["--document", "{'id': 'x'}"], None)]:
            result = millrace.run("deadletters", "mend", "--data", data, "--all", *bad, "--json", check=False)
            assert result.returncode == 1, (bad, result)
            if part:
                assert part in result.stderr, (bad, result.stderr)
            else:
                assert "must stay what it is" in result.stdout
        whole = "{'id': letter_key, 'amount': 7, 'note': '7'}"  # a number for a decimal, as records' API takes it
        deadletters("mend", data, "--key", "o7", "--document", whole, "--apply")
        assert {json.loads(l["mended"])["after"]["amount"] for l in millrace.dead_letters(data) if l["key"] == "o7"} == {"7.00"}
        deadletters("mend", data, "--key", "o7", "--reset", "--apply", expect=1)
        assert all(l["mended"] is None for l in millrace.dead_letters(data))
        result = millrace.run("deadletters", "redrive", "--data", data, check=False)
        assert result.returncode == 2 and "--all" in result.stderr
        assert millrace.run("deadletters", "show", "--data", data, "999", check=False).returncode == 5


def test_a_table_built_anew_has_what_was_redriven(project, data):
    with Server(project, data) as server:
        fill(server)
        millrace.wait_drained(data)
        deadletters("mend", data, "--key", "o3", "--set", "amount = abs(amount)", "--apply")
        server.kill()
    result = millrace.run("deadletters", "redrive", "--data", data, "--project", project, "--key", "o3", "--json")
    assert json.loads(result.stdout)["applied"] == 2
    with Server(project, data) as server:
        millrace.wait_drained(data)
        assert rows(data, "orders_now")["o3"] == (3.0, 3)
        server.stop()
    millrace.run("pipelines", "rebuild", "orders_now", "--data", data, "--project", project)
    with Server(project, data) as server:
        millrace.wait_until(lambda: len(millrace.sql(data, "SELECT 1 AS x FROM orders_now")) == 19, what="rebuilt with o3")
        millrace.wait_until(lambda: len(millrace.sql(data, "SELECT 1 AS x FROM lake.orders")) == 19, what="rebuilt with o3")
        assert {l["key"] for l in millrace.dead_letters(data)} == {"o7"}


def test_letters_are_a_table(project, data):
    count = "SELECT state, count(*)::BIGINT AS n FROM dead_letters GROUP BY state ORDER BY state"
    with Server(project, data) as server:
        assert millrace.sql(data, count) == []
        fill(server)
        millrace.wait_drained(data)
        assert millrace.sql(data, count) == [{"state": "open", "n": 4}]
        # Twice in one query, and beside a table.
        assert millrace.sql(data, "SELECT count(*)::BIGINT AS n FROM dead_letters a JOIN dead_letters b ON a.id = b.id") == [{"n": 4}]
        assert millrace.sql(data, "SELECT d.key FROM dead_letters d LEFT JOIN orders_now o ON o.id = d.key "
                                  "WHERE o.id IS NULL AND d.sink LIKE 'table.%' ORDER BY 1") == [{"key": "o3"}, {"key": "o7"}]
        page = server.api.get("/api/tables/dead_letters/rows?stage=eq.sql&order=id&limit=1").json
        assert page["items"][0]["key"] == "o7" and page["next_cursor"]
        deadletters("mend", data, "--key", "o3", "--set", "amount = abs(amount)", "--apply")
        deadletters("redrive", data, "--key", "o3")
        assert millrace.sql(data, count) == [{"state": "applied", "n": 2}, {"state": "open", "n": 2}]
        metrics = server.api.get("/metrics").body.decode()
        assert 'pipeline_dead_letters_waiting{pipeline="orders_now",sink="table.orders_now"} 1' in metrics
        assert millrace.verify(data)["agree"], "mended changes are not compared"
        assert server.stop() == 0
    assert millrace.sql(data, count) == [{"state": "applied", "n": 2}, {"state": "open", "n": 2}]


def test_what_a_pipeline_bears_is_checked(tmp_path, data):
    for more, part in [("on_error: park\n", "park_key"), ("max_parked: 5\n", "goes with on_error: park_key"), ("max_share: 5\n", "such as 5%"),
                       ("max_share: 100%\n", "such as 5%"), ("on_error: park_key\nmax_parked: 0\n", "from 1 to 1000000")]:
        project = millrace.write_project(tmp_path / "bad", {"orders": ORDERS}, {"orders_now": PIPELINE + more})
        result = millrace.run("check", project, check=False)
        assert result.returncode == 3 and part in result.stdout + result.stderr, (more, result)
    named = PIPELINE.replace("name: orders_now", "name: Dead_Letters")
    result = millrace.run("check", millrace.write_project(tmp_path / "name", {"orders": ORDERS}, {"orders_now": named}), check=False)
    assert result.returncode == 3 and "choose another name" in result.stdout + result.stderr


def test_too_many_dead_stop_the_sink_until_the_rule_is_mended(tmp_path, data):
    project = millrace.write_project(tmp_path / "p", {"orders": ORDERS}, {"orders_now": PIPELINE + "max_share: 1%\n"})
    bad = [{"id": f"b{i}", "amount": "-1.00"} for i in range(11)]
    with Server(project, data) as server:
        assert server.api.post(PATH, bad).status == 201
        stopped = lambda: [sink for sink in millrace.status(data)[0]["sinks"] if sink["state"] == "stopped"]  # noqa: E731
        reason = millrace.wait_until(stopped, what="stopped")[0]["reason"]
        assert reason.startswith("too_many_dead: more than 10 of the 1000 events from offset 0 on"), reason
    (project / "pipelines" / "orders_now.yaml").write_text(PIPELINE.replace("amount >= 0", "amount >= -1") + "max_share: 1%\n")
    with Server(project, data):
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT count(*)::BIGINT AS n FROM orders_now") == [{"n": 11}] and millrace.dead_letters(data) == []


def test_a_parked_record_waits_whole(tmp_path, data):
    project = millrace.write_project(tmp_path / "p", {"orders": ORDERS}, {"orders_now": PIPELINE + "on_error: park_key\n"})
    with Server(project, data) as server:
        assert server.api.post(PATH, {"id": "a", "amount": "-1.00", "note": "1"}).status == 201
        millrace.wait_drained(data)
        assert server.api.request("PATCH", f"{PATH}/a", {"amount": "2.00"}).status == 200
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT id FROM orders_now") == []
        assert [l["stage"] for l in millrace.dead_letters(data) if l["sink"].startswith("table")] == ["require", "parked"]
        deadletters("mend", data, "--stage", "require", "--set", "amount = 1", "--apply")
        out = json.loads(deadletters("redrive", data, "--key", "a", "--json"))
        assert (out["applied"], out["superseded"]) == (3, 1) or (out["applied"], out["superseded"]) == (4, 0)
        assert rows(data, "orders_now") == {"a": (2.0, 1)}
        assert [r["amount"] for r in millrace.sql(data, "SELECT amount FROM lake.orders ORDER BY _offset")] in ([1.0, 2.0], ["1.00", "2.00"])
