"""The main job on real data, and that it notices one row too few or too many."""

import json
import sqlite3

import pytest

import millrace

JANUARY = {"creates": 27_004, "changes": 80_476}
REFERENCE = {"airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115}


def demo(data, check=True):
    result = millrace.run("demo", "--exit", "--json", "--data", data, "--port", "0", check=check, timeout=580)
    return result, json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def january(tmp_path_factory):
    data = tmp_path_factory.mktemp("demo") / "data"
    _, report = demo(data)
    return data, report


def test_every_stage_holds_the_same(january):
    _, report = january
    assert report["agree"] is True
    flights = report["stages"]["flights"]
    assert flights["accepted"] == flights["changes"] == flights["log"] == flights["lake"] == JANUARY["changes"]
    assert flights["warehouse"] == JANUARY["creates"]
    assert flights["dead_letters"] == 0
    for name, rows in REFERENCE.items():
        stage = report["stages"][name]
        assert {stage[k] for k in ("accepted", "changes", "log", "lake", "warehouse")} == {rows}, name
    assert set(report["answers"]) == {"delay_by_carrier_and_month", "worst_hour", "seats_by_destination"}
    assert all(a["equal"] and a["rows"] for a in report["answers"].values())
    assert report["lag_ms"]["p50"] > 0 and report["seconds"] > 0


def test_a_second_start_changes_nothing(january):
    data, first = january
    _, second = demo(data)
    assert second["agree"] is True
    assert second["stages"] == first["stages"]


def test_files_are_where_readers_look_for_them(january):
    data, _ = january
    folder = data / "lake" / "flights_history"
    names = [p.name for p in folder.iterdir()]
    assert any(n.startswith("part-") and n.endswith(".parquet") for n in names)
    assert all(n.startswith(("part-", ".", "_")) for n in names)


PLANT = """
import duckdb, glob, os, sys
files = [f for f in sorted(glob.glob(sys.argv[1] + "/part-*.parquet"))
         if duckdb.sql(f"SELECT count(*) FROM read_parquet('{f}')").fetchone()[0] > 10]
file, kind = files[0], sys.argv[2]
pairs = duckdb.sql(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{file}')").fetchall()
metadata = ", ".join("'%s': '%s'" % (k.replace("'", "''"), v.replace("'", "''")) for k, v in pairs)
rows = f"read_parquet('{file}')"
select = {"lost": f"SELECT * FROM {rows} OFFSET 1",
          "doubled": f"SELECT * FROM {rows} UNION ALL (SELECT * FROM {rows} LIMIT 1)"}[kind]
duckdb.sql(f"COPY ({select}) TO '{file}.new' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{metadata}}})")
os.replace(file + ".new", file)
"""


@pytest.mark.parametrize("kind", ["lost", "doubled"])
def test_a_planted_row_in_the_lake_makes_the_demo_fail(january, tmp_path, kind):
    data = millrace.copy_data(january[0], tmp_path / "data")
    millrace.venv_python(PLANT, data / "lake" / "flights_history", kind)
    result, report = demo(data, check=False)
    assert result.returncode == 1
    assert report["agree"] is False
    off = {"lost": -1, "doubled": 1}[kind]
    assert report["stages"]["flights"]["lake"] == JANUARY["changes"] + off


def test_a_lost_record_makes_the_demo_fail(january, tmp_path):
    data = millrace.copy_data(january[0], tmp_path / "data")
    with sqlite3.connect(data / "records.db") as db:
        db.execute('DELETE FROM r_planes WHERE rowid = (SELECT max(rowid) FROM r_planes)')
    db.close()
    result, report = demo(data, check=False)
    assert result.returncode == 1 and report["agree"] is False
