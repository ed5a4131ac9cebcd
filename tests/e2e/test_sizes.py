"""What no log would take is refused before it is acknowledged, and spoils nothing for others."""

import threading

import pytest

import millrace

PARTS = """
collection: parts
key: id
fields: {id: {type: text, required: true}, a: text, b: text, c: text}
"""
PARTS_NOW = """
pipeline: parts_now
from: {changes: parts}
sql: SELECT id, length(a) AS a FROM changes
to: [{table: {name: parts, key: id}}]
"""
LARGE = 8_200_000  # bytes: two of them are a record, three are not


@pytest.fixture
def shop(tmp_path):
    return millrace.write_project(tmp_path / "project", {"parts": PARTS}, {"parts_now": PARTS_NOW},
                                  streams={"incoming": "stream: incoming\nformat: raw\n"})


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_record_that_grows_too_large_does_not_stop_capture(shop, data):
    url = "/api/collections/parts/records"
    with millrace.Server(shop, data) as server:
        assert server.api.post(url, {"id": "p", "a": "a" * LARGE}).status == 201
        assert server.api.patch(f"{url}/p", {"b": "b" * LARGE}).status == 200
        refused = server.api.patch(f"{url}/p", {"c": "c" * LARGE})
        assert refused.status == 413 and "too_large" in refused.json["type"]
        assert server.api.patch(f"{url}/p", {"a": "short"}).status == 200
        assert server.api.post(url, {"id": "q", "a": "q"}).status == 201
        millrace.wait_drained(data)
        assert server.api.get("/readyz").status == 200
    with millrace.Server(shop, data) as server:
        rows = server.api.get("/api/tables/parts/rows?order=id").json["items"]
        assert [(row["id"], row["a"]) for row in rows] == [("p", 5), ("q", 1)]


def test_an_event_that_grows_too_large_is_refused_alone(shop, data):
    url = "/api/streams/incoming/events"
    with millrace.Server(shop, data) as server:
        large = []
        thread = threading.Thread(target=lambda: large.extend(
            millrace.Api(server.port).post(url, b"\x01" * (6 << 20)).status for _ in range(3)))
        thread.start()
        small = [server.api.post(url, b"small").status for _ in range(100)]
        thread.join()
        assert large == [413] * 3 and small == [201] * 100


def test_an_event_id_is_text(shop, data):
    url = "/api/streams/incoming/events"
    lines = {"content-type": "application/x-ndjson"}
    with millrace.Server(shop, data) as server:
        for bad in ("%ff%fe", "a%00b", "x" * 513):
            assert server.api.post(f"{url}?event_id={bad}", b"a").status == 400
            assert server.api.post(f"{url}?event_id_prefix={bad}", b"a\n", lines).status == 400
        assert server.api.post(f"{url}?event_id_prefix={'x' * 500}", b"a\n", lines).status == 201
        assert [item["event"]["payload"] for item in server.api.get(url).json["items"]] == ["a"]


def test_a_server_whose_log_is_full_starts(shop, data):
    limits = ["--set", "log.segment_size=1MiB", "--set", "log.max_bytes=3MiB", "--set", "log.on_full=refuse"]
    with millrace.Server(shop, data, args=limits) as server:
        # Nobody reads `incoming`: nothing of it may be dropped.
        while server.api.post("/api/streams/incoming/events", b"x" * 200_000).status == 201:
            pass
        assert server.api.post("/api/collections/parts/records", {"id": "p", "a": "a" * 1_000_000}).status == 201
        server.kill()
    port = millrace.free_port()
    with millrace.Server(shop, data, port=port, args=limits, wait=False) as server:
        api = millrace.Api(port)

        def waits():
            try:
                return "log_full" in api.get("/readyz").body.decode()
            except OSError:
                return False
        millrace.wait_until(waits, what="a server whose capture waits")
        assert api.get("/api/collections/parts/records/p").status == 200
        server.kill()
    with millrace.Server(shop, data) as server:  # with room it goes on
        millrace.wait_until(lambda: server.api.get("/api/tables/parts/rows").json["items"], what="the row")


def test_names_do_not_change_over_records(shop, data):
    with millrace.Server(shop, data) as server:
        assert server.api.post("/api/collections/parts/records", {"id": "p"}).status == 201
    definition = shop / "collections" / "parts.yaml"
    definition.write_text(PARTS + "system: {_created_at: createdAt}\n")
    started = millrace.run("serve", "--project", shop, "--data", data, "--port", "0", check=False, timeout=60)
    assert started.returncode == 1
    assert "system _created_at: _created_at -> createdAt: there are records under the old one" in started.stderr
    definition.write_text(PARTS)
    with millrace.Server(shop, data) as server:
        assert "_created_at" in server.api.get("/api/collections/parts/records/p").json
