"""A collection changes: what is applied at the start, what stored records forbid, and that old and new are read together."""

import json
import sqlite3

import millrace
import pytest

THINGS = """
collection: things
key: id
fields:
  id:     {type: text, required: true}
  count:  {type: integer}
  amount: {type: "decimal(6,2)"}
  kind:   {type: text, max_length: 10, in: [a, b]}
"""

PIPELINE = """
pipeline: things
from: {changes: things, start: earliest}
lookups:
  kinds: {changes: kinds, on: kind}
sql: |
  SELECT c.id, c.count, c.amount, c.kind, kinds.titleMORE, c._created_at, c._updated_at, c._version, c._id, c._op
  FROM changes c LEFT JOIN kinds ON kinds.kind = c.kind
to:
  - table: {name: things, key: id}
  - lake:  {path: things/, roll: {rows: 1000, every: 100ms}}
"""

KINDS = """
collection: kinds
key: kind
fields:
  kind:  {type: text}
  title: {type: text}
  rank:  {type: integer}
"""

ROUTE = "/api/collections/things/records"


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "p", {"things": THINGS, "kinds": KINDS},
                                  {"things": PIPELINE.replace("MORE", "")})


def declare(project, things=THINGS, more=None):
    (project / "collections" / "things.yaml").write_text(things)
    if more is not None:
        (project / "pipelines" / "things.yaml").write_text(PIPELINE.replace("MORE", more))


def check(project, data, code):
    result = millrace.run("check", project, "--against", data, "--json", check=False)
    assert result.returncode == code, result
    report = json.loads(result.stdout)
    return {change["what"]: change["refused"] for change in report["changes"]}, \
        {one["pipeline"]: one["why"] for one in report["pipelines"]}


def definitions(data):
    with sqlite3.connect(f"file:{data}/records.db?mode=ro", uri=True) as db:
        return db.execute("SELECT at, changes FROM definitions WHERE collection = 'things' ORDER BY id").fetchall()


def test_wider_types_new_fields_and_indexes_are_applied_and_old_and_new_are_read_together(project, data):
    with millrace.Server(project, data) as server:
        server.api.post("/api/collections/kinds/records", {"kind": "a", "title": "A", "rank": 1})
        server.api.post(ROUTE, {"id": "old", "count": 2147483647, "amount": "9999.99", "kind": "a"})
        millrace.wait_drained(data)
        # Also beside the running server.
        assert check(project, data, 0) == ({}, {})
        wider = THINGS.replace("type: integer", "type: bigint").replace("(6,2)", "(12,2)") \
            .replace("max_length: 10, in: [a, b]", "max_length: 20, in: [a, b, c]") \
            + "  note:   {type: text}\nindexes: [[kind, count]]\nunique: [[note]]\n"
        declare(project, wider, ", c.note")
        changes, pipelines = check(project, data, 0)
        assert set(changes.values()) == {None}
        assert "field count: integer -> bigint" in changes and "field note: added, text" in changes
        assert "index (kind, count): added" in changes and "unique (note): added" in changes
        assert list(pipelines) == ["things"] and pipelines["things"].startswith("reads things; its definition")
    with millrace.Server(project, data) as server:
        server.api.post(ROUTE, {"id": "new", "count": 2**53, "amount": "1234567890.12", "kind": "c", "note": "n"})
        server.api.patch(f"{ROUTE}/old", {"count": 2**40})
        millrace.wait_drained(data)
        rows = server.api.get("/api/tables/things/rows?order=id.desc").json["items"]
        assert [(r["id"], r["count"], r["amount"], r["note"]) for r in rows] == \
            [("old", 2**40, "9999.99", None), ("new", 2**53, "1234567890.12", "n")]
        lake = millrace.sql(data, "SELECT id, count, amount::VARCHAR AS amount, note FROM lake.things ORDER BY _offset")
        assert lake == [{"id": "old", "count": 2147483647, "amount": "9999.99", "note": None},
                        {"id": "new", "count": 2**53, "amount": "1234567890.12", "note": "n"},
                        {"id": "old", "count": 2**40, "amount": "9999.99", "note": None}]
        assert server.api.get(f"{ROUTE}?count=gt.{2**41}").json["items"][0]["id"] == "new"
        assert millrace.verify(data)["agree"]
        assert check(project, data, 0) == ({}, {})
    (_, first), (at, second) = definitions(data)
    assert first == "" and at > 0 and second.splitlines() == sorted(changes)


def test_what_stored_records_forbid_is_refused_with_field_rule_number_and_a_key(project, data):
    with millrace.Server(project, data) as server:
        for i in range(5):
            server.api.post(ROUTE, {"id": f"t{i}", "count": i, "amount": f"{i}.00", "kind": "a" if i else "b"})
    for old, new, line, why in (
            ("{type: integer}", "{type: integer, required: true, min: 3}",
             "field count: integer -> integer required min=3", "3 records break it, the first is 't0': must be at least"),
            ("in: [a, b]", "in: [a]", "field kind", "1 record breaks it, the first is 't0': must be"),
            ("(6,2)", "(6,3)", "field amount: decimal(6,2) -> decimal(6,3)", "does not write the same way"),
            ("{type: integer}", "{type: double}", "field count: integer -> double", "does not write the same way"),
            ("key: id", "key: kind", "key: id -> kind", "there are records under the old one"),
            ("key: id\n", "key: id\nunique: [[kind]]\n", "unique (kind): added", "4 records have values")):
        declare(project, THINGS.replace(old, new).replace("  kind:   {type: text", "  kind:   {required: true, type: text"
                                                          if new == "key: kind" else "  kind:   {type: text"),
                None)
        if new == "key: kind":
            (project / "pipelines" / "things.yaml").unlink()
        changes, _ = check(project, data, 1)
        (refused,) = [(what, why) for what, why in changes.items() if why]
        assert refused[0].startswith(line) and why in refused[1], refused
        started = millrace.run("serve", "--project", project, "--data", data, "--port", 0, check=False)
        assert started.returncode == 1 and why in started.stderr and "nothing was changed" in started.stderr
        declare(project, more="")
    assert check(project, data, 0) == ({}, {})
    assert len(definitions(data)) == 1
    # Mended, it is taken.
    with millrace.Server(project, data) as server:
        for i in range(3):
            server.api.delete(f"{ROUTE}/t{i}")
    declare(project, THINGS.replace("{type: integer}", "{type: integer, required: true, min: 3}"))
    with millrace.Server(project, data) as server:
        assert server.api.post(ROUTE, {"id": "low", "count": 1}).status == 400
        millrace.wait_drained(data)
        assert millrace.verify(data)["agree"]
    assert definitions(data)[-1][1] == "field count: integer -> integer required min=3\n"


def test_a_directory_that_is_none_and_one_that_is_new(project, data, tmp_path):
    absent = millrace.run("check", project, "--against", tmp_path / "none", check=False)
    assert absent.returncode == 5 and "is not a millrace data directory" in absent.stderr
    with millrace.Server(project, data):
        pass
    extra = project / "collections" / "more.yaml"
    extra.write_text(KINDS.replace("collection: kinds", "collection: more"))
    assert check(project, data, 0) == ({"collection: added": None}, {})
