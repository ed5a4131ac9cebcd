"""Small files: rolls by size, and the copy in a table format that `millrace lake compact` makes."""

import hashlib

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
