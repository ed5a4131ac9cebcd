"""Streams: facts straight into the log, read by pipelines like changes."""

import json
import signal

import pytest

import millrace

USERS = """
collection: users
key: user_id
fields:
  user_id: {type: text, required: true}
  name:    {type: text}
"""
CLICKS = """
stream: clicks
fields:
  user_id: {type: text, required: true}
  n:       {type: integer, min: 0}
"""
INCOMING = """
stream: incoming
format: raw
"""
CLICKS_NOW = """
pipeline: clicks_now
from: {stream: clicks}
lookups: {users: {changes: users, on: user_id}}
require: [n > 0]
sql: |
  SELECT c.event_id, c.user_id, u.name, c.n, c._ts AS at FROM changes c LEFT JOIN users u ON u.user_id = c.user_id
to:
  - table: {name: clicks, key: event_id}
  - lake:  {path: clicks/, roll: {every: 1s}}
"""
INCOMING_NOW = """
pipeline: incoming_now
from: {stream: incoming}
sql: |
  SELECT event_id, CAST(json_extract_string(payload, '$.a') AS INTEGER) AS a, payload, payload_bytes FROM changes
to:
  - table: {name: incoming, key: event_id}
"""


@pytest.fixture
def shop(tmp_path):
    return millrace.write_project(tmp_path / "project", {"users": USERS},
                                  {"clicks_now": CLICKS_NOW, "incoming_now": INCOMING_NOW},
                                  streams={"clicks": CLICKS, "incoming": INCOMING})


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def server(shop, data):
    with millrace.Server(shop, data) as running:
        yield running


def events_of(api, stream):
    items, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/api/streams/{stream}/events?limit=2{cursor and '&cursor=' + cursor}").json
        items += page["items"]
        cursor = page["next_cursor"]
    return items


NDJSON = {"Content-Type": "application/x-ndjson"}


def test_events_reach_table_and_lake_with_lookups_as_of_them(server, data):
    api = server.api
    assert api.post("/api/collections/users/records", {"user_id": "u1", "name": "Ann"}).status == 201
    one = api.post("/api/streams/clicks/events", {"user_id": "u1", "n": 3, "event_id": "e1"})
    assert (one.status, one.json) == (201, {"event_id": "e1", "offset": 0, "duplicate": False})
    # Later than the event: it must not be seen by it, also in a replay.
    assert api.patch("/api/collections/users/records/u1", {"name": "Bea"}).status == 200
    both = api.post("/api/streams/clicks/events", [{"user_id": "u1", "n": 4, "event_id": "e2"}, {"user_id": "u2", "n": 0}])
    assert both.status == 201 and both.json["accepted"] == 2
    millrace.wait_drained(data)
    rows = {row["event_id"]: row for row in api.get("/api/tables/clicks/rows").json["items"]}
    assert {k: (r["name"], r["n"]) for k, r in rows.items()} == {"e1": ("Ann", 3), "e2": ("Bea", 4)}
    assert millrace.sql(data, "SELECT event_id, name FROM lake.clicks ORDER BY 1") == [
        {"event_id": "e1", "name": "Ann"}, {"event_id": "e2", "name": "Bea"}]
    letters = millrace.dead_letters(data)
    assert {(one["sink"], one["offset"], one["stage"]) for one in letters} == {
        ("table.clicks", 2, "require"), ("lake.clicks", 2, "require")}
    assert letters[0]["event_id"] == "clicks:00000000:0000000000000003"


def test_a_repeated_event_id_is_one_event_also_after_kill(shop, data):
    with millrace.Server(shop, data) as server:
        assert server.api.post("/api/streams/clicks/events", {"user_id": "u", "n": 1, "event_id": "e"}).status == 201
        again = server.api.post("/api/streams/clicks/events", {"user_id": "u", "n": 2, "event_id": "e"})
        assert (again.status, again.json) == (200, {"event_id": "e", "offset": 0, "duplicate": True})
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with millrace.Server(shop, data) as server:
        answer = server.api.post("/api/streams/clicks/events",
                                 [{"user_id": "u", "n": 3, "event_id": "e"}, {"user_id": "u", "n": 4, "event_id": "f"}])
        assert answer.status == 201
        assert [(e["offset"], e["duplicate"]) for e in answer.json["events"]] == [(0, True), (1, False)]
        stored = events_of(server.api, "clicks")
    assert [(e["offset"], e["event"]["event_id"], e["event"]["n"]) for e in stored] == [(0, "e", 1), (1, "f", 4)]


def test_ndjson_takes_good_lines_and_names_the_others(server):
    lines = '{"user_id": "u", "n": 1}\n\n{"n": -1}\nnonsense\n{"user_id": "u", "n": 2}\n'
    answer = server.api.post("/api/streams/clicks/events", lines, NDJSON)
    assert answer.status == 207
    assert (answer.json["accepted"], answer.json["refused"]) == (2, 2)
    assert [bad["line"] for bad in answer.json["errors"]] == [3, 4]
    assert {e["pointer"] for e in answer.json["errors"][0]["errors"]} == {"/n", "/user_id"}
    assert server.api.post("/api/streams/clicks/events", "nonsense\n", NDJSON).status == 400
    good = server.api.post("/api/streams/clicks/events", '{"user_id": "u"}\n{"user_id": "v"}', NDJSON)
    assert good.status == 201 and good.json["errors"] == []
    assert len(events_of(server.api, "clicks")) == 4


def test_a_bad_array_is_refused_whole(server):
    answer = server.api.post("/api/streams/clicks/events", [{"user_id": "u"}, {"usr": "u"}])
    assert answer.status == 400
    assert {e["pointer"] for e in answer.json["errors"]} == {"/1/usr", "/1/user_id"}
    assert events_of(server.api, "clicks") == []


def test_raw_takes_any_bytes_and_malformed_input_is_met_in_the_pipeline(server, data):
    api = server.api
    assert api.post("/api/streams/incoming/events", b"not json").status == 201
    assert api.post("/api/streams/incoming/events?event_id=x1", b'{"a": 5}').json["event_id"] == "x1"
    assert api.post("/api/streams/incoming/events?event_id=x1", b'{"a": 6}').status == 200
    assert api.post("/api/streams/incoming/events?event_id=x2", b"\xff\x00").status == 201
    assert api.post("/api/streams/incoming/events", b'{"a": 7}\n{"a": 8}\n', NDJSON).json["accepted"] == 2
    millrace.wait_drained(data)
    rows = millrace.sql(data, "SELECT event_id, a, payload, hex(payload_bytes) AS bytes FROM incoming ORDER BY a NULLS LAST")
    assert [row["a"] for row in rows] == [5, 7, 8, None]
    assert rows[3] == {"event_id": "x2", "a": None, "payload": None, "bytes": "FF00"}
    letters = millrace.dead_letters(data)
    assert [(one["offset"], one["stage"]) for one in letters] == [(0, "sql")]


def test_what_is_wrong_is_named(server):
    api = server.api
    unknown = api.post("/api/streams/clcks/events", {"user_id": "u"})
    assert unknown.status == 404 and "this project has: clicks, incoming" in unknown.json["detail"]
    assert api.post("/api/streams/clicks/events?event_id=x", {"user_id": "u"}).status == 400
    assert api.post("/api/streams/incoming/events", b"").status == 400
    assert api.post("/api/streams/incoming/events?event_id=" + "x" * 513, b"a").status == 400
    assert api.get("/api/streams/clicks/events?limit=0").status == 400
    assert api.get("/api/streams/clicks/events?form=1").status == 400
    assert api.get("/api/streams/clicks/events?from=1000").json == {"items": [], "next_cursor": None}
    assert [s["stream"] for s in api.get("/api/streams").json["items"]] == ["clicks", "incoming"]
    assert api.get("/api/streams/incoming").json["format"] == "raw"


def test_lines_of_a_file_are_appended_with_and_without_a_server(shop, data, tmp_path):
    good = tmp_path / "good.ndjson"
    good.write_text("".join(json.dumps({"user_id": f"u{i}", "n": 1, "event_id": f"e{i}"}) + "\n" for i in range(25_000)))
    mixed = tmp_path / "mixed.ndjson"
    mixed.write_text('{"user_id": "a", "n": 1}\n{"user_id": 7}\n')
    with millrace.Server(shop, data) as server:
        out = json.loads(millrace.run("log", "append", "clicks", good, "--project", shop, "--data", data, "--json").stdout)
        assert out == {"accepted": 25_000, "duplicates": 0, "refused": 0, "errors": []}
        raw = tmp_path / "bytes"
        raw.write_bytes(b"\xff\xfe\nsecond\n")
        millrace.run("log", "append", "incoming", raw, "--project", shop, "--data", data, "--whole")
        assert server.api.get("/api/streams/incoming").json["next"] == 1
    again = json.loads(millrace.run("log", "append", "clicks", good, "--project", shop, "--data", data, "--json").stdout)
    assert (again["accepted"], again["duplicates"]) == (0, 25_000)
    bad = millrace.run("log", "append", "clicks", mixed, "--project", shop, "--data", data, check=False)
    assert bad.returncode == 1 and "line 2" in bad.stderr and "/user_id" in bad.stderr
    assert len(millrace.log_events(data, "clicks")) == 25_001
    assert millrace.run("log", "append", "nope", good, "--project", shop, "--data", data, check=False).returncode == 5
    elsewhere = tmp_path / "mistyped"
    absent = millrace.run("log", "append", "clicks", good, "--project", shop, "--data", elsewhere, check=False)
    assert absent.returncode == 5 and str(elsewhere) in absent.stderr and not elsewhere.exists()


def test_at_the_logs_limit_streams_are_refused_and_records_go_on(shop, data):
    (shop / "pipelines" / "incoming_now.yaml").unlink()
    limits = ["--set", "log.segment_size=1MiB", "--set", "log.max_bytes=3MiB"]
    padded = [{"user_id": "u" * 4000, "n": 0} for _ in range(100)]
    with millrace.Server(shop, data, args=limits) as server:
        # Nobody reads `incoming`: nothing of it is dropped.
        refused, taken = None, 0
        while refused is None and taken < 50:
            answer = server.api.post("/api/streams/incoming/events", b"x" * 200_000)
            if answer.status == 201:
                taken += 1
            else:
                refused = answer
        assert refused.status == 429 and refused.headers["retry-after"] == "1" and "log_full" in refused.json["type"]
        assert 5 < taken < 20
        assert len(events_of(server.api, "incoming")) == taken
        for i in range(30):
            assert server.api.post("/api/collections/users/records", [{"user_id": f"{i}-{k}", "name": "n" * 2000} for k in range(100)]).status == 201
        # Its sinks read it, but what another stream keeps leaves no room.
        assert server.api.post("/api/streams/clicks/events", padded).status in (201, 429)
    with millrace.Server(shop, data, args=[*limits[:3], "log.max_bytes=64MiB"]) as server:
        assert server.api.post("/api/streams/incoming/events", b"again").status == 201


def test_an_append_to_a_stopped_directory_drops_nothing(shop, data, tmp_path):
    (shop / "pipelines" / "incoming_now.yaml").unlink()
    with millrace.Server(shop, data, args=["--set", "log.segment_size=1MiB"]) as server:
        for _ in range(20):
            assert server.api.post("/api/streams/incoming/events", b"x" * 200_000).status == 201
    settings = shop / "millrace.yaml"
    settings.write_text((settings.read_text() if settings.exists() else "") + "\nsettings: {log: {max_bytes: 2MiB, on_full: drop_oldest}}\n")
    raw = tmp_path / "raw.bin"
    raw.write_bytes(b"one more")
    # Nobody says here what readers still need.
    millrace.run("log", "append", "incoming", raw, "--project", shop, "--data", data, "--whole")
    assert len(millrace.log_events(data, "incoming")) == 21
