"""Small files: rolls by size, and the copy in a table format that `millrace lake compact` makes."""

import fcntl
import hashlib
import json

import pytest

import millrace

THINGS = """
collection: things
key: id
fields:
  id:   {type: text}
  note: {type: text}
"""
PIPELINE = """
pipeline: things
from: {changes: things}
batch: {max_rows: 500}
sql: SELECT id, note FROM changes
to:
  - lake: {path: things/, roll: {rows: 1000000, every: 1h, size: 64KiB}}
"""
SIZE = 64 << 10
RECORDS = "/api/collections/things/records"


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", {"things": THINGS}, {"things": PIPELINE})


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def post(api, first, count):
    for at in range(first, first + count, 500):
        batch = [{"id": f"t{k}", "note": hashlib.sha256(b"%d" % k).hexdigest()} for k in range(at, min(at + 500, first + count))]
        assert api.post(RECORDS, batch).status == 201


def test_a_lake_file_is_closed_at_its_size(project, data):
    with millrace.Server(project, data) as server:
        post(server.api, 0, 500)
    with millrace.Server(project, data) as server:  # knows from the first file what a row takes
        post(server.api, 500, 15_000)
    files = sorted((data / "lake/things").glob("part-0000-0*.parquet"))
    sizes = [file.stat().st_size for file in files]
    assert len(sizes) > 5 and max(sizes) < 2 * SIZE, sizes
    assert min(sizes[1:-1]) > SIZE / 2, sizes
    (row,) = millrace.sql(data, "SELECT count(*)::INT AS n, count(DISTINCT _offset)::INT AS offsets FROM lake.things")
    assert row == {"n": 15_500, "offsets": 15_500}


def test_a_second_compact_leaves_what_the_first_one_spilled(project, data, tmp_path):
    with millrace.Server(project, data) as server:
        post(server.api, 0, 500)
    copy = tmp_path / "copy"
    millrace.run("lake", "compact", data / "lake/things", "--to", copy)
    spilled = [copy / name / "duckdb_temp_storage-0.tmp" for name in (".spill", ".spill-of-the-first")]
    for file in spilled:
        file.parent.mkdir()
        file.write_text("rows")
    with open(copy / "metadata/.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = millrace.run("lake", "compact", data / "lake/things", "--to", copy, check=False)
        assert refused.returncode == 4 and "another process writes this copy" in refused.stderr, refused
        assert all(file.exists() for file in spilled)
    millrace.run("lake", "compact", data / "lake/things", "--to", copy)  # the first one was killed
    assert not list(copy.glob(".spill*"))


EVERY_TYPE = """
collection: things
key: id
fields:
  id:   {type: text}
  n:    {type: integer}
  big:  {type: bigint}
  d:    {type: "decimal(8,2)"}
  long: {type: "decimal(30,4)"}
  f:    {type: double}
  yes:  {type: boolean}
  day:  {type: date}
  seen: {type: timestamp}
  u:    {type: uuid}
  j:    {type: json}
  raw:  {type: bytes}
  tags: {type: "text[]"}
  nums: {type: "integer[]"}
  o:    {type: object, fields: {a: {type: text}, l: {type: "bigint[]"}}}
"""
COLUMNS = "id, n, big, d, long, f, yes, day, seen, u, j, raw, tags, nums, o"
EVERY_PIPELINE = f"""
pipeline: things
from: {{changes: things}}
sql: SELECT {COLUMNS} FROM changes
to:
  - lake: {{path: deep/things/, roll: {{every: 100ms}}}}
"""
# Rows of the copy as of each of its snapshots, and of the folder it was made of, as text in the order of offsets.
READ = """
import json, pathlib, sys, duckdb
from pyiceberg.table import StaticTable
copy, plain, filter = sys.argv[1:]
version = (pathlib.Path(copy) / "metadata/version-hint.text").read_text()
table = StaticTable.from_metadata(f"{copy}/metadata/v{version}.metadata.json")
text = lambda rows: [{k: str(v) for k, v in row.items()} for row in sorted(rows, key=lambda row: row["_offset"])]
types = "u::VARCHAR AS u, " if "u" in table.schema().column_names else ""
rows = duckdb.sql(f"SELECT * REPLACE ({types} _offset AS _offset) FROM read_parquet('{plain}/part-*.parquet', union_by_name = true)")
print(json.dumps({
    "schema": [f"{field.field_id} {field.name} {field.field_type}" for field in table.schema().fields],
    "copy": text(table.scan().to_arrow().to_pylist()),
    "plain": text(rows.to_arrow_table().to_pylist()),
    "snapshots": [table.scan(snapshot_id=s.snapshot_id).to_arrow().num_rows for s in table.metadata.snapshots],
    "files": len(list(table.scan().plan_files())),
    "matching": len(list(table.scan(row_filter=filter).plan_files())),
    "matches": table.scan(row_filter=filter).to_arrow().num_rows}))
"""


def compact(data, to, *flags, folder="lake/deep/things"):
    return json.loads(millrace.run("lake", "compact", data / folder, "--to", to, "--json", *flags).stdout)


def read(copy, data, row_filter, folder="lake/deep/things"):
    return json.loads(millrace.venv_python(READ, copy, data / folder, row_filter, iceberg=True))


def thing(k):
    if k % 10 == 0:
        return {"id": f"t{k:04}"}
    return {"id": f"t{k:04}", "n": k, "big": k * 10**12, "d": f"{k}.25", "long": f"-{k}00000000000000000.1234", "f": k / 3, "yes": k % 2 == 0,
            "day": "2013-01-31", "seen": f"2013-01-31T10:00:{k % 60:02}.000123Z", "u": f"0190a6a0-0000-7000-8000-{k:012x}",
            "j": {"a": [k, "ü"]}, "raw": "qrs=", "tags": ["x", None, str(k)], "nums": [1, k], "o": {"a": "s", "l": [k]}}


def test_the_copy_has_the_rows_of_the_lake_for_readers_of_iceberg(tmp_path, data):
    project = millrace.write_project(tmp_path / "project", {"things": EVERY_TYPE}, {"things": EVERY_PIPELINE})
    copy = tmp_path / "copy"
    with millrace.Server(project, data) as server:
        for part in range(3):
            assert server.api.post(RECORDS, [thing(part * 40 + k) for k in range(40)]).status == 201
            millrace.wait_drained(data)
        report = compact(data, copy)  # the server goes on
        assert (report["version"], report["rows"], report["data_files"]) == (1, 120, 1) and report["files"] >= 3, report
        assert compact(data, copy)["rows"] == 0
        assert server.api.patch(f"{RECORDS}/t0001", {"n": -1}).status == 200
        assert server.api.delete(f"{RECORDS}/t0002").status == 204
        millrace.wait_drained(data)
        again = compact(data, copy)
        assert (again["version"], again["rows"], again["total_rows"]) == (2, 2, 122), again  # the delete is a row, too
    seen = read(copy, data, "id = 't0001' and n < 0")
    assert seen["copy"] == seen["plain"] and len(seen["copy"]) == 122
    assert seen["snapshots"] == [120, 122]
    assert (seen["files"], seen["matching"], seen["matches"]) == (2, 1, 1), "bounds did not tell that a file has no such row"
    assert {"4 d decimal(8, 2)", "9 seen timestamptz", "10 u uuid", "11 j string", "12 raw binary"} < set(seen["schema"]), seen["schema"]


def test_the_copy_follows_a_lake_whose_columns_evolve(tmp_path, data):
    first = THINGS + "  n:    {type: integer}\n  d:    {type: \"decimal(9,2)\"}\n"
    pipeline = "pipeline: things\nfrom: {changes: things}\nsql: SELECT COLUMNS FROM changes\nto: [{lake: {path: things/, roll: {every: 100ms}}}]\n"
    project, copy = tmp_path / "project", tmp_path / "copy"
    millrace.write_project(project, {"things": first}, {"things": pipeline.replace("COLUMNS", "id, note, n, d")})
    with millrace.Server(project, data) as server:
        assert server.api.post(RECORDS, {"id": "a", "note": "x", "n": 7, "d": "1.50"}).status == 201
    assert compact(data, copy, folder="lake/things")["version"] == 1
    wider = first.replace("integer", "bigint").replace("decimal(9,2)", "decimal(19,2)") + "  more: {type: boolean}\n"
    millrace.write_project(project, {"things": wider}, {"things": pipeline.replace("COLUMNS", "id, n, d, more")})
    with millrace.Server(project, data) as server:
        assert server.api.post(RECORDS, {"id": "b", "n": 1 << 40, "d": "12345678901234567.25", "more": True}).status == 201
    assert compact(data, copy, folder="lake/things")["version"] == 2
    seen = read(copy, data, "n > 1000000000000", folder="lake/things")
    assert seen["schema"] == ["1 id string", "2 note string", "3 n long", "4 d decimal(19, 2)", "5 _offset long", "6 more boolean"]
    names = ("id", "note", "n", "d", "more")
    assert [[row[name] for name in names] for row in seen["copy"]] == [["a", "x", "7", "1.50", "None"],
                                                                      ["b", "None", str(1 << 40), "12345678901234567.25", "True"]]
    assert seen["copy"] == [{name: row[name] for name in seen["copy"][0]} for row in seen["plain"]]
    assert seen["matches"] == 1


def test_compact_says_what_is_wrong(project, data, tmp_path):
    with millrace.Server(project, data) as server:
        post(server.api, 0, 500)
    table = data / "lake/things"

    def refused(code, *args):
        result = millrace.run("lake", "compact", *args, check=False)
        assert result.returncode == code, result
        return result.stderr

    assert "nowhere is no lake table" in refused(5, data / "lake/nowhere", "--to", tmp_path / "copy")
    assert "must lie apart" in refused(1, table, "--to", table / "copy")
    assert "holds other files (" in refused(1, table, "--to", project)
    assert "expected a size, such as 128MiB" in refused(2, table, "--to", tmp_path / "copy", "--size", "much")
    assert not (tmp_path / "copy").exists()
    said = millrace.run("lake", "compact", table, "--to", tmp_path / "copy", "--quiet").stdout
    assert "version 1 has 500 rows; 500 of them, from 1 files, are new in 1" in said
    assert "nothing new; version 1 has 500 rows" in millrace.run("lake", "compact", table, "--to", tmp_path / "copy").stdout
