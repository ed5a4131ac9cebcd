"""Files of others into a collection: mapped columns, nulls, a report of errors; and a replay at its own distances in time."""

import json
import time

import millrace
import pytest

CUSTOMERS = "/api/collections/customers/records"


def do_import(server, path, *flags, code=0):
    result = millrace.run("import", "customers", path, "--url", f"http://127.0.0.1:{server.port}", "--quiet", "--json",
                          *flags, check=False)
    assert result.returncode == code, result
    return json.loads(result.stdout) if result.stdout else result.stderr


def names(server):
    return {item["customer_id"]: item["name"] for item in server.api.get(f"{CUSTOMERS}?limit=1000").json["items"]}


def test_columns_are_mapped_and_texts_are_null(server, tmp_path):
    csv = tmp_path / "export.csv"
    csv.write_text('Customer No,Remarks,Full Name\n1,x,Ada\n2,,NA\n3,y,""\n')
    refused = do_import(server, csv, code=1)
    assert "Customer No" in refused and "no such field" in refused
    rules = ("--map", "Customer No=customer_id", "--map", "Full Name=name", "--map", "Remarks=", "--null", "NA", "--null", "")
    assert do_import(server, csv, *rules)["operations"] == 3
    assert names(server) == {"1": "Ada", "2": None, "3": None}
    assert do_import(server, csv, *rules)["replayed"] == 3
    ndjson = tmp_path / "export.ndjson"
    ndjson.write_text('{"Customer No": "4", "Remarks": {"a": 1}, "Full Name": "NA"}\n')
    do_import(server, ndjson, *rules)
    assert names(server)["4"] is None


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_refused_lines_are_reported_with_number_and_reason(server, tmp_path, kind):
    path, errors = tmp_path / f"in.{kind}", tmp_path / "errors.ndjson"
    if kind == "csv":
        path.write_text("customer_id,name\na,A\n,none\nb,B,more\nc,C\n")
        expected = [3, 4]
    else:
        path.write_text('{"customer_id": "a"}\n{"name": "none"}\n[]\n{"customer_id": "c", "nmae": 1}\n')
        expected = [2, 3, 4]
    summary = do_import(server, path, "--errors", errors, code=1)
    assert summary["refused"] == len(expected)
    lines = sorted((json.loads(line) for line in errors.read_text().splitlines()), key=lambda one: one["line"])
    assert [one["line"] for one in lines] == expected
    assert all(one["reason"] for one in lines)
    assert [one["status"] for one in lines if one["status"]] and "customer_id" in json.dumps(lines[0]["reason"])
    assert do_import(server, path, "--errors", errors, "--skip-errors")["refused"] == len(expected)
    assert "a" in names(server)


def test_a_replay_keeps_its_distances_in_time_sped_up(server, tmp_path):
    sql = tmp_path / "ops.sql"
    sql.write_text("""SELECT TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_minutes(10 * i) AS at, 'create' AS op,
        'customers' AS collection, 'k' || i AS key, json_object('customer_id', 'k' || i) AS body
        FROM range(4) r(i)""")
    begun = time.monotonic()
    summary = json.loads(millrace.run("replay", sql, "--url", f"http://127.0.0.1:{server.port}", "--quiet", "--json",
                                      "--speed", "3600x").stdout)
    # Half an hour, 3600 times as fast: never sooner than that.
    assert summary["operations"] == 4 and time.monotonic() - begun >= 0.5
    created = [item["_created_at"] for item in server.api.get(f"{CUSTOMERS}?order=customer_id").json["items"]]
    assert created == sorted(created) and len(set(created)) == 4
    for speed in ("fast", "0x", "-1"):
        bad = millrace.run("replay", sql, f"--speed={speed}", check=False)
        assert bad.returncode == 2 and "expected a factor" in bad.stderr
    sql.write_text("SELECT 'now' AS at, 'create' AS op, 'customers' AS collection, 'k' AS key, '{}' AS body")
    bad = millrace.run("replay", sql, "--url", f"http://127.0.0.1:{server.port}", "--speed", "2x", check=False)
    assert bad.returncode != 0 and "--speed needs a timestamp" in bad.stderr
