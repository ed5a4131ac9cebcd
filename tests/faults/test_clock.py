"""The wall clock goes back, and far ahead: what it must order stays in order."""

import datetime
import pathlib

import millrace
import pytest
from millrace import Server

LIBRARY = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
FACTS = {"uuids": "uuidv7", "objects": "objectid"}


class WallClock:
    """Moves the wall clock of a running server; its monotonic clock goes on as ever."""

    def __init__(self, path):
        assert LIBRARY.exists(), "needs Debian's package faketime"
        self.path = path
        self.set(0)
        self.env = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(path), "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def set(self, seconds):
        """Apart from the true time."""
        self.path.write_text(f"{seconds:+d}\n")


@pytest.fixture
def project(tmp_path):
    collections = {name: f"""
collection: {name}
key: id
fields:
  id: {{type: text, generate: {generate}}}
  n:  {{type: integer}}
""" for name, generate in FACTS.items()}
    collections["numbers"] = """
collection: numbers
key: id
fields:
  id: {type: bigint, generate: sequence}
  n:  {type: integer}
"""
    pipelines = {name: f"""
pipeline: {name}
from: {{changes: {name}, start: earliest}}
batch: {{max_rows: 100, max_wait: 10ms}}
sql: SELECT id, n, _ts, _version, _id, _op, _created_at, _updated_at FROM changes
to:
  - table: {{name: {name}, key: id}}
  - lake: {{path: {name}/, roll: {{rows: 100, every: 200ms}}}}
""" for name in collections}
    return millrace.write_project(tmp_path / "project", collections, pipelines)


def create_some(server, created, count=5):
    for name in (*FACTS, "numbers"):
        for _ in range(count):
            answer = server.api.post(f"/api/collections/{name}/records", {"n": len(created)})
            assert answer.status == 201, answer
            created.append((name, answer.json))


def in_order(created):
    for name in (*FACTS, "numbers"):
        rows = [r for n, r in created if n == name]
        for one, two in zip(rows, rows[1:]):
            for field in ("id", "_version", "_created_at"):
                assert one[field] < two[field] or field == "_created_at" and one[field] == two[field], (name, one, two)


def test_ids_versions_and_times_never_go_back(tmp_path, project, data):
    clock = WallClock(tmp_path / "clock")
    created = []
    with Server(project, data, env=clock.env) as server:
        for seconds in (0, -3600, 30, -86_400 * 400, 0):
            clock.set(seconds)
            create_some(server, created)
        assert server.stop() == 0
    clock.set(-7200)
    with Server(project, data, env=clock.env) as server:  # also over a restart
        create_some(server, created)
        name, record = created[0]
        path = f"/api/collections/{name}/records/{record['id']}"
        patched = server.api.patch(path, {"n": -1}).json
        assert patched["_created_at"] == record["_created_at"] and patched["_updated_at"] >= patched["_created_at"]
        server.kill()
    with Server(project, data, env=clock.env) as server:
        create_some(server, created)
        in_order(created)
        millrace.wait_drained(data, 20)
        assert millrace.verify(data)["agree"]
        assert server.stop() == 0


def test_timers_go_on_while_the_clock_jumps(tmp_path, project, data):
    """Rolls and batches close by the monotonic clock: a jump neither holds nor floods."""
    clock = WallClock(tmp_path / "clock")
    created = []
    with Server(project, data, env=clock.env) as server:
        for seconds in (-3600, 3600, -86_400, 0):
            clock.set(seconds)
            create_some(server, created, 2)
            millrace.wait_drained(data, 20)
        metrics = server.api.get("/metrics").body.decode()
        negative = [line for line in metrics.splitlines() if "seconds" in line and line.split()[-1].startswith("-")]
        assert not negative, negative


def test_year_2038_and_back(tmp_path, project, data):
    clock = WallClock(tmp_path / "clock")
    created = []
    start = datetime.datetime.now(datetime.timezone.utc)
    ahead = int((datetime.datetime(2038, 1, 20, tzinfo=datetime.timezone.utc) - start).total_seconds())
    with Server(project, data, env=clock.env) as server:
        for seconds in (0, ahead, 0):
            clock.set(seconds)
            create_some(server, created, 3)
        in_order(created)
        assert created[-1][1]["_created_at"] >= "2038-01-19"
        millrace.wait_drained(data, 20)
        assert millrace.verify(data)["agree"]
