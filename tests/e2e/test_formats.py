"""A data directory that an earlier millrace left is read, and one of a later one is refused.

tests/data/directory has one for each version of a stored format that was ever released.
MR_WRITE_GOLDEN=1 makes the newest anew: only together with a new format version."""

import json
import os
import pathlib
import re
import sqlite3
import tarfile

import millrace
import pytest

GOLDEN = millrace.ROOT / "tests" / "data" / "directory"
NEWEST = GOLDEN / "2026-11c.tar.gz"
STRICT = """
pipeline: strict
from: {changes: orders, start: earliest}
require: [amount < 50000]
sql: SELECT order_id, amount FROM changes
to: [{table: {name: strict, key: order_id}}]
"""
ORDERS = "/api/collections/orders/records"


def fill(server):
    """Every kind of change, a lookup that hits and one that misses, and two dead letters."""
    for i in range(3):
        assert server.api.post("/api/collections/customers/records", {"customer_id": f"c{i}", "name": f"N{i}"}).status == 201
    for i in range(8):
        order = {"order_id": f"o{i}", "customer_id": f"c{i % 4}", "amount": f"{i}.50"}
        answer = server.api.post(ORDERS, order, {"Idempotency-Key": f"key-{i}"})
        assert answer.status == 201
    assert server.api.patch(f"{ORDERS}/o1", {"status": "shipped"}).status == 200
    assert server.api.put(f"{ORDERS}/o2", {"customer_id": "c1", "amount": 7}).status == 200
    assert server.api.delete(f"{ORDERS}/o3").status == 204
    for key in ("bad", "worse"):
        assert server.api.post(ORDERS, {"order_id": key, "customer_id": "c1", "amount": "99999.00"}).status == 201


def write_golden(shop, directory):
    pipeline = shop / "pipelines" / "orders_now.yaml"
    pipeline.write_text(pipeline.read_text().replace(
        "c.status\n", "c.status, c.note, c._created_at, c._updated_at, c._version, c._id, c._op\n"))
    (shop / "pipelines" / "strict.yaml").write_text(STRICT)
    with millrace.Server(shop, directory / "data") as server:
        fill(server)
        millrace.wait_drained(directory / "data")
        millrace.run("deadletters", "dismiss", "--data", directory / "data", "--key", "worse", "--reason", "of no use", "--apply")
    shop.rename(directory / "project")
    (directory / "expected.json").write_text(json.dumps(contents(directory / "data"), indent=1))
    GOLDEN.mkdir(exist_ok=True)
    with tarfile.open(NEWEST, "w:gz") as tar:
        for name in ["project", "data", "expected.json"]:
            tar.add(directory / name, name)
    assert NEWEST.stat().st_size < 64 << 10


def comparable(contents):
    """With what every version of `verify` says: the sums of histories, and of records and tables."""
    verdict = contents["verify"]
    return contents | {"verify": {"agree": verdict["agree"],
            "collections": {name: {kind: {store: [one["rows"], one["hash"]] for store, one in of[kind].items()
                                          if kind == "history" or not store.startswith("lake.")}
                                   for kind in ("history", "state")} for name, of in verdict["collections"].items()}}}


def contents(data, *project):
    """What a reader sees of every store."""
    letters = [{k: v for k, v in one.items() if k != "payload"} for one in millrace.dead_letters(data)]
    return {"verify": millrace.verify(data, *project), "letters": letters,
            "positions": [[p["pipeline"], p["position"], p["end"]] for p in millrace.status(data)],
            "table": millrace.sql(data, "SELECT * FROM orders ORDER BY order_id"),
            "lake": millrace.sql(data, "SELECT * FROM lake.orders_history ORDER BY _offset")}


def dismissed(data):
    letters = json.loads(millrace.run("deadletters", "list", "--data", data, "--state", "dismissed", "--json").stdout)
    return [(one["key"], one["dismissal"]) for one in letters]


@pytest.fixture
def newest(tmp_path, shop):
    if os.environ.get("MR_WRITE_GOLDEN"):
        (tmp_path / "made").mkdir()
        write_golden(shop, tmp_path / "made")
    return extract(NEWEST, tmp_path / "golden")


def extract(archive, directory):
    with tarfile.open(archive) as tar:
        tar.extractall(directory)
    return directory


@pytest.mark.parametrize("archive", [p.name for p in sorted(GOLDEN.glob("*.tar.gz"))] or [NEWEST.name])
def test_what_an_earlier_version_left_is_read_and_gone_on_with(newest, archive, tmp_path):
    golden = extract(GOLDEN / archive, tmp_path / "of_archive")
    data = golden / "data"
    expected = json.loads((golden / "expected.json").read_text())
    found = contents(data, "--project", golden / "project")
    # With the project more is compared.
    for name, of in expected["verify"]["collections"].items():
        for kind in ("history", "state"):
            stores = found["verify"]["collections"][name][kind]
            for more in stores.keys() - of[kind].keys():
                del stores[more]
    # Letters have more to say than those of earlier versions.
    for letter, old in zip(found["letters"], expected["letters"]):
        for name in letter.keys() - old.keys():
            del letter[name]
    assert comparable(found) == comparable(expected)
    assert dismissed(data) == ([("worse", "of no use")] if archive == NEWEST.name else [])
    assert expected["verify"]["agree"] and len(expected["letters"]) == 1
    with millrace.Server(golden / "project", data) as server:
        again = server.api.post(ORDERS, {"order_id": "o0", "customer_id": "c0", "amount": "0.50"}, {"Idempotency-Key": "key-0"})
        assert again.status in (201, 409)  # 201: within 24 hours, the kept answer
        # The lookup's state, as of then and as of now.
        assert server.api.patch("/api/collections/customers/records/c1", {"name": "new"}).status == 200
        assert server.api.patch(f"{ORDERS}/o1", {"amount": 3}).status == 200
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT customer_name FROM orders WHERE order_id IN ('o1', 'o5') ORDER BY order_id") == [
            {"customer_name": "new"}, {"customer_name": "N1"}]
    after = contents(data)
    assert after["verify"]["agree"] and dismissed(data) == ([("worse", "of no use")] if archive == NEWEST.name else [])
    assert after["lake"][:len(expected["lake"])] == expected["lake"]
    assert len(after["lake"]) == len(expected["lake"]) + 1


def raise_sqlite(name, statement):
    def work(data):
        with sqlite3.connect(data / name) as db:
            db.execute(statement)
        db.close()
    return work


def raise_warehouse(data):
    millrace.venv_python("import duckdb, sys; duckdb.connect(sys.argv[1]).execute('UPDATE _mr._mr_tables SET format = 99')",
                         data / "warehouse.duckdb")


def raise_directory(data):
    file = data / "FORMAT"
    file.write_text(re.sub(r"\d+", "99", file.read_text(), count=1))


@pytest.mark.parametrize("named, later", [
    ("records.db", raise_sqlite("records.db", "PRAGMA user_version = 99")),
    ("pipelines.db", raise_sqlite("pipelines.db", "UPDATE format SET version = 99")),
    ("warehouse", raise_warehouse),
    ("FORMAT|data directory", raise_directory),
])
def test_what_a_later_version_left_is_refused_and_named(newest, named, later):
    later(newest / "data")
    refused = millrace.run("serve", "--project", newest / "project", "--data", newest / "data", "--port", 0, check=False)
    assert refused.returncode != 0
    message = [line for line in refused.stderr.splitlines() if "99" in line]
    assert message and re.search(named, message[0]), refused.stderr


def test_a_lookup_state_of_a_later_version_is_built_anew_from_the_log(newest):
    data = newest / "data"
    files = list((data / "lookups").glob("*.db"))
    assert files
    for file in files:
        raise_sqlite(file.relative_to(data), "UPDATE state SET format = 99")(data)
    with millrace.Server(newest / "project", data) as server:
        assert server.api.patch(f"{ORDERS}/o5", {"amount": 3}).status == 200
        millrace.wait_drained(data)
        assert millrace.sql(data, "SELECT customer_name FROM orders WHERE order_id = 'o5'") == [{"customer_name": "N1"}]
