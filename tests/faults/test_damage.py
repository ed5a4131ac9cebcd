"""Torn tails are cut, anything else that is damaged is found, located, and never served."""

import json
import pathlib
import random
import shutil
import struct

import millrace
import oracle
import projects
import pytest
from millrace import Server
from workload import Crew

DAMAGED = 6  # exit code
BATCH = b"MRLB"
FLIPS = 40


def segments(data, stream="orders"):
    return sorted((pathlib.Path(data) / "log" / "_" / stream).glob("*.log"))


def batches(path):
    """Places of the batches of a segment (docs/formats/event-log-segment.md)."""
    content = path.read_bytes()
    at = struct.unpack_from("<I", content, 8)[0]
    found = []
    while content[at:at + 4] == BATCH:
        payload, = struct.unpack_from("<I", content, at + 12)
        kind, source = struct.unpack_from("<HH", content, at + 68)
        end = at + 72 + source + payload
        found.append((at, end, kind))
        at = end
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory, request):
    """A data directory of a killed server, everything drained, and its journals."""
    place = tmp_path_factory.mktemp("kept")
    project = projects.write(place / "project")
    crew = Crew(request.config.millrace_seed, place / "journals")
    with Server(project, place / "data") as server:
        for _ in range(3):
            crew.run_for(server.port, 40)
            oracle.check(place / "data", place / "journals", server.api)
        server.kill()
    return place


@pytest.fixture
def copy(kept, tmp_path):
    shutil.copytree(kept / "data", tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    shutil.copytree(kept / "journals", tmp_path / "journals")
    shutil.copytree(kept / "project", tmp_path / "project")
    return tmp_path


def flip(path, at, bit):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))


def start_refused(place):
    """stderr of a server that ends by itself because of damage."""
    with Server(place / "project", place / "data", wait=False) as server:
        assert server.process.wait(30) == DAMAGED, server.errors()
        assert server.process.stdout.read() == b"", "it said ready"
        return server.errors()


def test_the_reader_of_segments_here_sees_every_event(kept):
    """Guards the other tests: they must hit what they mean to hit."""
    found = [b for path in segments(kept / "data") for b in batches(path) if b[2] == 0]
    assert len(found) > 20


@pytest.mark.parametrize("torn", ["half of a batch", "a header alone", "noise", "zeros", "part of a magic"])
def test_a_torn_tail_is_cut(torn, copy, seed):
    path = segments(copy / "data")[-1]
    begin, end, _ = batches(path)[-1]
    content = path.read_bytes()
    batch = bytearray(content[begin:end])
    struct.pack_into("<Q", batch, 16, struct.unpack_from("<Q", batch, 16)[0] + 1)
    tail = {"half of a batch": batch[:len(batch) // 2], "a header alone": batch[:72],
            "noise": random.Random(seed).randbytes(500), "zeros": b"\0" * 4096, "part of a magic": b"MRL"}[torn]
    with open(path, "r+b") as file:
        file.seek(end)
        file.write(tail)
    with Server(copy / "project", copy / "data") as server:
        oracle.check(copy / "data", copy / "journals", server.api, seed)
        assert server.stop() == 0


def test_a_flipped_bit_inside_stops_the_start_and_names_the_place(copy, seed):
    rng = random.Random(f"{seed}/flip")
    path = segments(copy / "data")[-1]
    first, last = batches(path)[0], batches(path)[-1]
    original = path.read_bytes()
    for _ in range(FLIPS // 4):
        # Before the last group: only there can damage be told from a torn tail.
        at = rng.randrange(first[0], last[0] - (last[0] - first[0]) // 4)
        flip(path, at, rng.randrange(8))
        errors = start_refused(copy)
        assert str(path.name) in errors and any(c.isdigit() for c in errors.split(path.name, 1)[1]), errors
        path.write_bytes(original)
    with Server(copy / "project", copy / "data") as server:
        oracle.check(copy / "data", copy / "journals", server.api, seed)


def test_a_flipped_header_of_a_segment_stops_the_start(copy, seed):
    path = segments(copy / "data")[-1]
    flip(path, random.Random(seed).randrange(16), 0)
    assert path.name in start_refused(copy)


def test_readers_never_serve_a_record_behind_a_flip(copy, seed):
    """`log read` prints what is before the damage, and exits with the code for damage."""
    rng = random.Random(f"{seed}/read")
    good = [(e.offset, e.version) for e in oracle.read_log(copy / "data", "orders")]
    path = segments(copy / "data")[-1]
    spans = batches(path)
    original = path.read_bytes()
    for _ in range(FLIPS):
        flip(path, rng.randrange(spans[0][0], spans[-1][1]), rng.randrange(8))
        result = millrace.run("log", "read", "orders", "--data", copy / "data", "--limit", 10**9, check=False)
        seen = [oracle.Event(line["offset"], line["event"]) for line in map(json.loads, result.stdout.splitlines())]
        got = [(e.offset, e.version) for e in seen]
        assert got == good[:len(got)], "served what the log never held"
        assert len(got) < len(good), "served a record with a flipped bit"
        path.write_bytes(original)


@pytest.mark.parametrize("what", ["cut in the middle", "doubled", "missing", "emptied"])
def test_damaged_segments_are_never_a_silent_gap(what, copy, seed):
    path = segments(copy / "data")[-1]
    if what == "cut in the middle":
        spans = batches(path)
        with open(path, "r+b") as file:
            file.truncate(spans[len(spans) // 2][0])
    elif what == "doubled":
        shutil.copy(path, path.with_name(f"{int(path.stem) + 7:020}.log"))
    elif what == "missing":
        path.unlink()
    else:
        path.write_bytes(b"")
    no_silent_gap(copy, seed)


def no_silent_gap(place, seed):
    """The start is refused, or a part says why it is not ready, or everything is there."""
    port = millrace.free_port()
    with Server(place / "project", place / "data", port, wait=False) as server:
        if millrace.wait_until(lambda: state(server, port), 60, what="ready, or a reason") == "ended":
            assert server.process.returncode == DAMAGED, server.errors()
            assert "log" in server.errors() or "source_went_back" in server.errors()
        elif server.api.get("/readyz").status == 200:
            oracle.check(place / "data", place / "journals", server.api, seed)


def state(server, port):
    """"ended", "ready", the reasons of those that are not, or None: not known yet. One that
    is never ready prints no address: so the port is given."""
    if server.process.poll() is not None:
        return "ended"
    server.api = millrace.Api(port)
    try:
        answer = server.api.get("/readyz")
    except OSError:
        return None  # does not listen yet
    return "ready" if answer.status == 200 else [p["reason"] for p in answer.json["parts"]
                                                 if not p["ready"] and p["reason"]]


@pytest.mark.parametrize("number", range(6))
def test_damage_of_the_last_group_is_never_a_silent_gap(number, copy, seed):
    """It cannot be told from a torn tail; the record store still has the changes, or the
    stores behind the log notice that it went back."""
    path = segments(copy / "data")[-1]
    begin, end, _ = [b for b in batches(path) if b[2] == 0][-1]
    flip(path, random.Random(f"{seed}/{number}").randrange(begin, end), number % 8)
    no_silent_gap(copy, seed)


def test_damage_in_the_record_store_is_found(copy, seed):
    """A page of records.db with another content: refused at start or by the reader, exit
    code for damage or 500 naming it, never a wrong record."""
    with Server(copy / "project", copy / "data") as server:
        good = {r["order_id"]: r for r in oracle.list_records(server.api, "orders")}
        assert server.stop() == 0
    path = copy / "data" / "records.db"
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(4096 * (size // 4096 // 2))
        file.write(random.Random(seed).randbytes(4096))
    port = millrace.free_port()
    with Server(copy / "project", copy / "data", port, wait=False) as server:
        if millrace.wait_until(lambda: state(server, port), 60, what="ready, or a reason") == "ended":
            assert server.process.returncode in (1, DAMAGED) and "records" in server.errors(), server.errors()
            return
        answer = server.api.get("/api/collections/orders/records?limit=1000")
        if answer.status == 200:
            for record in answer.json["items"]:
                assert good.get(record["order_id"]) == record, "served a damaged record"
