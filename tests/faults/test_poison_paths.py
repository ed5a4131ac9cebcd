"""Poison through streams, redrive, replay, verify, trace and backup: the server stays up, each item is refused with a
named error, or is one row or one letter, and every command goes on working."""

import json
import subprocess

import millrace
import pytest
from millrace import Server
from test_poison import POISON

INCOMING = "stream: incoming\nformat: raw\n"
TYPED = """
stream: typed
fields:
  id:     {type: text, required: true, max_length: 512}
  whole:  {type: bigint}
  real:   {type: double}
  exact:  {type: "decimal(18,4)"}
  day:    {type: date}
  moment: {type: timestamp}
  name:   {type: text, max_length: 1000}
  any:    {type: json}
"""
# What is no JSON object with a whole number dies in the SQL.
INCOMING_NOW = """
pipeline: incoming_now
from: {stream: incoming}
batch: {max_rows: 16, max_wait: 20ms}
sql: |
  SELECT event_id, CAST(json_extract_string(payload, '$.whole') AS BIGINT) AS whole, octet_length(payload_bytes) AS bytes FROM changes
to:
  - table: {name: incoming, key: event_id}
  - lake:  {path: incoming/, roll: {every: 200ms}}
"""
TYPED_NOW = """
pipeline: typed_now
from: {stream: typed}
sql: SELECT event_id, id, whole, name, "any" AS doc FROM changes WHERE whole IS NULL OR whole >= 0
to:
  - table: {name: typed, key: event_id}
"""
NDJSON = {"Content-Type": "application/x-ndjson"}
BYTES = {"Content-Type": "application/octet-stream"}
ODD_IDS = ("@", "/", "incoming@", "incoming@-1", "incoming@99999999999999999999", "records:zz:zz", "nope:00000000:0000000000000001",
           "' OR 1=1 --", "\n", "%00", "k" * 60_000, "é" * 600, "typed/" + "k" * 600)
ODD_MENDS = ("whole = (SELECT 1)", "whole = 1; DROP TABLE dead_letters", "nope = 1", "payload = ", "payload = read_text('/etc/passwd')",
             "event_id = 'x'", "payload = repeat('x', 1000000000000)")


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", {}, {"incoming_now": INCOMING_NOW, "typed_now": TYPED_NOW},
                                  streams={"incoming": INCOMING, "typed": TYPED})


def fill_raw(api):
    """The offsets of what was taken."""
    taken = []
    for number, (name, body) in enumerate(POISON.items()):
        answer = api.post("/api/streams/incoming/events", body, BYTES)
        assert answer.status in (201, 400), (name, answer)
        if answer.status == 201:
            taken.append(answer.json["offset"])
        else:
            assert answer.json.get("detail") or answer.json["errors"], name
        good = api.post("/api/streams/incoming/events", json.dumps({"whole": number}), BYTES)
        assert good.status == 201, name
        taken.append(good.json["offset"])
    return taken


def letters(data, state="open"):
    return json.loads(millrace.run("deadletters", "list", "--data", data, "--json", "--state", state, "--limit", 10**6).stdout)


def check_raw(data, taken):
    """Each event is one row or one letter, in each of the two sinks."""
    millrace.wait_drained(data)
    for sink, table in (("table.incoming", "incoming"), ("lake.incoming", "lake.incoming")):
        rows = millrace.sql(data, f"SELECT count(*)::INT AS n, count(DISTINCT event_id)::INT AS ids FROM {table}")[0]
        refused = [letter["offset"] for letter in letters(data, "all") if letter["sink"] == sink and letter["state"] == "open"]
        assert len(set(refused)) == len(refused) > 10 and rows["n"] == rows["ids"] > len(POISON), (sink, rows)
        assert rows["n"] + len(refused) == len(taken), (sink, rows, len(refused), len(taken))
    verdict = millrace.verify(data)
    assert verdict["agree"], verdict


def test_a_raw_stream_takes_what_comes_and_each_is_a_row_or_a_letter(project, data, tmp_path):
    with Server(project, data) as server:
        taken = fill_raw(server.api)
        check_raw(data, taken)
        before = {letter["id"]: letter["reason"] for letter in letters(data)}
        assert all(before.values())
        # Redriven as they are they die again; odd mends are refused, and change nothing.
        millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet", check=False)
        millrace.wait_until(lambda: not letters(data, "sent"), what="redriven")
        check_raw(data, taken)
        for mend in ODD_MENDS:
            refused = millrace.run("deadletters", "mend", "--pipeline", "incoming_now", "--set", mend, "--apply", "--data", data,
                                   check=False, timeout=60)
            shown = refused.stdout + refused.stderr
            assert refused.returncode in (0, 1, 2) and shown, (mend, refused)
        assert {letter["id"] for letter in letters(data)} == before.keys()
        millrace.run("pipelines", "replay", "incoming_now", "--sink", "table.incoming", "--project", project, "--data", data, "--quiet")
        check_raw(data, taken)
        for offset in taken:
            traced = json.loads(millrace.run("trace", f"incoming@{offset}", "--data", data, "--json").stdout)["items"]
            assert len(traced) == 1, (offset, traced)
        for odd in ODD_IDS:
            answer = millrace.run("trace", odd, "--data", data, check=False)
            assert answer.returncode in (1, 2, 5) and answer.stderr.startswith("millrace: "), (odd[:40], answer)
        # Mended, everything goes through: nothing is left over, nothing is doubled.
        millrace.run("deadletters", "mend", "--pipeline", "incoming_now", "--set", "payload = '{\"whole\": 1}'", "--set", "payload_bytes = null",
                     "--apply", "--data", data)
        millrace.run("backup", tmp_path / "made", "--data", data)
        millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet", check=False)
        millrace.wait_until(lambda: not millrace.dead_letters(data), what="all mended")
        millrace.wait_until(lambda: millrace.sql(data, "SELECT count(*)::INT AS n FROM lake.incoming")[0]["n"] == len(taken))
        assert millrace.sql(data, "SELECT count(*)::INT AS n FROM incoming")[0]["n"] == len(taken)
        assert millrace.verify(data)["agree"]
        assert server.stop() == 0
    copy = tmp_path / "copy"
    millrace.run("restore", tmp_path / "made", "--data", copy)
    with Server(project, copy):
        check_raw(copy, taken)


def test_a_typed_stream_refuses_each_poison_and_keeps_the_good(project, data):
    with Server(project, data) as server:
        kept = 0
        for number, (name, body) in enumerate(POISON.items()):
            answer = server.api.post("/api/streams/typed/events", body)
            assert answer.status == 400, (name, answer)
            assert answer.json.get("detail") or answer.json["errors"], name
            array = b'[{"id":"a%d"},' % number + body + b',{"id":"b%d"}]' % number
            assert server.api.post("/api/streams/typed/events", array).status == 400, name
            good = b'{"id":"g%d","whole":%d}' % (number, number - 5)
            if body.strip() and b"\n" not in body:
                lines = server.api.post("/api/streams/typed/events", good + b"\n" + body + b"\n" + good, NDJSON)
                assert lines.status == 207, (name, lines)
                problem = lines.json
                assert [one["line"] for one in problem["errors"]] == [2] and problem["accepted"] == 2, (name, lines)
                kept += 2
        millrace.wait_drained(data)
        assert len(millrace.log_events(data, "typed")) == kept
        rows = millrace.sql(data, "SELECT count(*)::INT AS n FROM typed")[0]["n"]
        assert 0 < rows < kept and millrace.dead_letters(data) == []
        assert millrace.verify(data)["agree"]


def test_files_of_poison_through_log_append(project, data, tmp_path):
    """`millrace log append`: lines are named, whole files are one event each."""
    with Server(project, data) as server:
        lines = [body for body in POISON.values() if body.strip() and b"\n" not in body and len(body) < 30_000]
        path = tmp_path / "typed.ndjson"
        path.write_bytes(b"\n".join(line for bad in lines for line in (b'{"id":"g"}', bad)) + b"\n")
        result = subprocess.run([str(millrace.BINARY), "log", "append", "typed", str(path), "--data", str(data), "--project", str(project)],
                                capture_output=True, timeout=60)
        assert result.returncode == 1 and result.stdout + result.stderr, result
        assert [one["event"]["after"]["id"] for one in millrace.log_events(data, "typed")] == ["g"] * len(lines)
        assert server.api.get("/readyz").status == 200
        millrace.wait_drained(data)
        assert millrace.verify(data)["agree"]
