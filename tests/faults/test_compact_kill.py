"""`millrace lake compact` killed at its durable points: the version before stays readable, the next run ends the work."""

import json
import pathlib
import re
import shutil
import signal

import millrace
import pytest

NAMES = sorted({name for path in (millrace.ROOT / "src").rglob("*.cpp")
                for name in re.findall(r'MR_FAIL_POINT\("(compact\.[^"]+)"\)', path.read_text())})
CASES = [(name, hit) for name in NAMES for hit in ((1, 2) if name.endswith("_file") else (1,))]
THINGS = "collection: things\nkey: id\nfields: {id: {type: text}}\n"
PIPELINE = """
pipeline: things
from: {changes: things}
batch: {max_rows: 500}
sql: SELECT id FROM changes
to: [{lake: {path: things/, roll: {rows: 500, every: 1h}}}]
"""
FLAGS = ("--rows", "2048", "--json")  # several data files
COUNT = "SELECT count(*)::INT AS n, count(DISTINCT _offset)::INT AS offsets FROM read_parquet('{}/data/*.parquet')"


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A lake of 7,000 rows, and a copy of the first 2,000 of them."""
    root = tmp_path_factory.mktemp("compact")
    project = millrace.write_project(root / "project", {"things": THINGS}, {"things": PIPELINE})
    for first, count in ((0, 2000), (2000, 5000)):
        with millrace.Server(project, root / "data") as server:
            for at in range(first, first + count, 500):
                batch = [{"id": str(k)} for k in range(at, at + 500)]
                assert server.api.post("/api/collections/things/records", batch).status == 201
        if first == 0:
            assert compact(root).returncode == 0
    return root


def compact(root, binary=millrace.BINARY, **env):
    return millrace.run("lake", "compact", root / "data/lake/things", "--to", root / "copy", *FLAGS, binary=binary, env=env, check=False)


def referenced(root):
    """What a reader that follows the newest metadata finds: its version, its number of rows, whether its files are there."""
    metadata = max((root / "copy/metadata").glob("v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0]))
    content = json.loads(metadata.read_text())
    names = [entry["metadata-file"] for entry in content["metadata-log"]] + [s["manifest-list"] for s in content["snapshots"]]
    for manifest_list in [s["manifest-list"] for s in content["snapshots"]]:
        for manifest in re.findall(rb"file://[^\x00-\x1f]+?\.avro", path_of(manifest_list).read_bytes()):
            names.append(manifest.decode())
            names += [data.decode() for data in re.findall(rb"file://[^\x00-\x1f]+?\.parquet", path_of(manifest.decode()).read_bytes())]
    assert all(path_of(name).stat().st_size > 0 for name in names), names
    return len(content["snapshots"]), int(content["snapshots"][-1]["summary"]["total-records"]), {path_of(n) for n in names}


def path_of(location):
    return pathlib.Path(location.removeprefix("file://"))


@pytest.mark.parametrize("name, hit", CASES)
def test_killed_at(name, hit, begun, fault_binary, tmp_path):
    kept = tmp_path / "kept"
    shutil.copytree(begun / "copy", kept)
    try:
        killed = compact(begun, binary=fault_binary, MILLRACE_FAILPOINT=f"{name}:kill:{hit}")
        assert killed.returncode == -signal.SIGKILL, killed
        after = name == "compact.after_publish"
        version, rows, _ = referenced(begun)
        assert (version, rows) == ((2, 7000) if after else (1, 2000))
        report = json.loads(compact(begun).stdout)
        assert (report["version"], report["total_rows"], report["rows"]) == (2, 7000, 0 if after else 5000), report
        version, rows, files = referenced(begun)
        assert (version, rows) == (2, 7000)
        there = {path for path in (begun / "copy").rglob("*") if path.suffix in (".parquet", ".avro", ".tmp")}
        assert there <= files, there - files
        assert (begun / "copy/metadata/version-hint.text").read_text() == "2"
        query = COUNT.format(begun / "copy")
        assert json.loads(millrace.run("sql", query, "--format", "json").stdout) == [{"n": 7000, "offsets": 7000}]
    finally:
        shutil.rmtree(begun / "copy")
        shutil.copytree(kept, begun / "copy")


def test_there_are_points():
    assert len(NAMES) == 4, NAMES
