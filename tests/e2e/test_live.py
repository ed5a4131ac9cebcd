"""Live subscriptions: a map kept by the four rules is the server's state, over cuts and restarts."""

import time

import pytest

import millrace
from live import READY, RECORD, REMOVE, RESET, Closed, Mirror, Refused, Subscription

ITEMS = """
collection: items
key: id
fields:
  id:     {type: bigint, generate: sequence}
  name:   {type: text}
  amount: {type: "decimal(10,2)"}
indexes: []
unique: []
"""
RECORDS = "/api/collections/orders/records"
KINDS = [False, True]


def order(key, customer="ada", **more):
    return {"order_id": key, "customer_id": customer, "amount": "1.00", **more}


def put(server, key, customer="ada", **more):
    """The record as it is stored."""
    answer = server.api.post(RECORDS, order(key, customer, **more))
    assert answer.status == 201, answer
    return answer.json


def remove(server, key):
    answer = server.api.delete(f"{RECORDS}/{key}")
    assert answer.status == 204, answer
    return answer.headers["x-millrace-position"]


def records(messages):
    return [message.data["order_id"] for message in messages if message.event == RECORD]


@pytest.mark.parametrize("websocket", KINDS)
def test_changes_arrive_as_the_record_of_a_get_with_its_version(server, websocket):
    put(server, "before")
    with Subscription(server.port, "orders", websocket=websocket) as live:
        created = put(server, "a")
        changed = server.api.patch(f"{RECORDS}/a", {"note": "line\nbreak"}).json
        stored = server.api.get(f"{RECORDS}/a").json
        gone = remove(server, "a")
        first, second, third = live.take(3)
        assert (first.event, first.data, first.id) == (RECORD, created, created["_version"])
        assert (second.event, second.data, second.id) == (RECORD, stored, changed["_version"])
        assert (third.event, third.data, third.id) == (REMOVE, {"key": "a"}, gone)
        if not websocket:
            assert live.headers["content-type"] == "text/event-stream"
            assert live.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("websocket", KINDS)
def test_a_snapshot_then_ready_then_changes(server, websocket):
    for key in "abc":
        put(server, key)
    server.api.patch(f"{RECORDS}/a", {"note": "newest"})
    with Subscription(server.port, "orders", "snapshot=true", websocket=websocket) as live:
        messages = live.until_event(READY)
        assert records(messages) == ["b", "c", "a"] and messages[-1].data == {}
        assert [m.id for m in messages[:-1]] == [m.data["_version"] for m in messages[:-1]]
        assert messages[-1].id >= messages[-2].id
        put(server, "d")
        assert live.next().data["order_id"] == "d"


def test_an_empty_snapshot_is_ready_and_its_id_resumes(server):
    with Subscription(server.port, "orders", "snapshot=true") as live:
        ready = live.next()
    assert ready.event == READY
    put(server, "a")
    with Subscription(server.port, "orders", last=ready.id) as live:
        assert records([live.next()]) == ["a"]


@pytest.mark.parametrize("websocket", KINDS)
def test_last_event_id_resumes_after_exactly_that_message(shop, data, websocket):
    with millrace.Server(shop, data) as server:
        put(server, "a")
        with Subscription(server.port, "orders", "snapshot=true", websocket=websocket) as live:
            live.until_event(READY)
            put(server, "b")
            seen = live.next()
        put(server, "c")
        remove(server, "a")
        server.kill()
    with millrace.Server(shop, data) as server:
        with Subscription(server.port, "orders", last=seen.id, websocket=websocket) as live:
            put(server, "d")
            c, a, d = live.take(3)
        assert records([c, d]) == ["c", "d"] and (a.event, a.data) == (REMOVE, {"key": "a"})


def test_every_message_of_a_snapshot_resumes(server):
    for key in "abcd":
        put(server, key)
    server.api.patch(f"{RECORDS}/b", {"note": "x"})
    with Subscription(server.port, "orders", "snapshot=true") as live:
        messages = live.until_event(READY)
    remove(server, "c")
    for cut in range(len(messages)):
        mirror = Mirror("order_id")
        for message in messages[:cut]:
            mirror.apply(message)
        with Subscription(server.port, "orders", "snapshot=true", last=mirror.last) as live:
            for message in live.until_event(READY):
                mirror.apply(message)
        listed = {r["order_id"]: r for r in server.api.get(RECORDS).json["items"]}
        assert mirror.records == listed and mirror.resets == 0, f"cut after {cut}"


def test_a_filter_sends_what_enters_and_leaves(server):
    put(server, "a", "ada")
    put(server, "z", "zoe")
    with Subscription(server.port, "orders", "snapshot=true&customer_id=eq.ada&amount=lt.10") as live:
        assert records(live.until_event(READY)) == ["a"]
        put(server, "y", "zoe")  # never seen, so never told of
        remove(server, "y")
        server.api.patch(f"{RECORDS}/z", {"customer_id": "ada"})
        server.api.patch(f"{RECORDS}/a", {"amount": "10.00"})
        server.api.patch(f"{RECORDS}/a", {"amount": "9.99"})
        remove(server, "z")
        got = [(m.event, m.data.get("order_id") or m.data["key"]) for m in live.take(4)]
        assert got == [(RECORD, "z"), (REMOVE, "a"), (RECORD, "a"), (REMOVE, "z")]


def test_a_key_is_removed_in_its_own_type(tmp_path):
    project = millrace.write_project(tmp_path / "items", {"items": ITEMS}, {})
    with millrace.Server(project, tmp_path / "data") as server:
        with Subscription(server.port, "items") as live:
            key = server.api.post("/api/collections/items/records", {"name": "x"}).json["id"]
            server.api.delete(f"/api/collections/items/records/{key}")
            assert [m.data for m in live.take(2)][1] == {"key": key} and isinstance(key, int)


def test_a_position_that_the_log_has_dropped_begins_anew(shop, data):
    small = ["--set", "log.max_bytes=2MiB", "--set", "log.segment_size=1MiB", "--set", "log.on_full=drop_oldest"]
    with millrace.Server(shop, data, args=small) as server:
        first = put(server, "first")["_version"]
        for i in range(12):
            batch = [order(f"k{i}-{n}", note="x" * 400) for n in range(700)]
            assert server.api.post(RECORDS, batch).status == 201
        remove(server, "first")
        with Subscription(server.port, "orders", last=first) as live:
            mirror = Mirror("order_id")
            messages = live.until_event(READY)
            for message in messages:
                mirror.apply(message)
        assert messages[0].event == RESET and "reason" in messages[0].data
        assert mirror.ready and "first" not in mirror.records and len(mirror.records) == 12 * 700


def test_a_position_of_another_server_begins_anew(server):
    put(server, "a")
    with Subscription(server.port, "orders", last="0" * 8 + "f" * 16 + "0" * 8) as live:
        reset, a, ready = live.take(3)
    assert [reset.event, ready.event] == [RESET, READY] and records([a]) == ["a"]
    # Who is cut right behind the reset has nothing, and gets everything.
    with Subscription(server.port, "orders", last=reset.id) as live:
        assert records([live.next()]) == ["a"]


def test_who_reads_slowly_is_cut_and_goes_on(server):
    with Subscription(server.port, "orders", "snapshot=true") as live:
        mirror = Mirror("order_id")
        mirror.apply(live.next())
        for i in range(30):
            batch = [order(f"k{i}-{n}", note="x" * 500) for n in range(700)]
            assert server.api.post(RECORDS, batch).status == 201
        with pytest.raises(Closed):
            while True:
                mirror.apply(live.next())
    assert 0 < len(mirror.records) < 30 * 700
    assert "live_slow_total 1\n" in server.api.get("/metrics").body.decode()
    with Subscription(server.port, "orders", last=mirror.last) as live:
        while len(mirror.records) < 30 * 700:
            mirror.apply(live.next())
    assert mirror.resets == 0


def test_a_stop_ends_streams_and_does_not_wait_for_them(shop, data):
    with millrace.Server(shop, data) as server:
        live = Subscription(server.port, "orders")
        socket = Subscription(server.port, "orders", websocket=True)
        begin = time.monotonic()
        assert server.stop() == 0
        for one in (live, socket):
            with pytest.raises(Closed):
                one.next()
        assert socket.close_code == 1001
        assert time.monotonic() - begin < 10


@pytest.mark.parametrize("query, named", [("amount=gt.x", "amount"), ("order=amount", "order"), ("nope=eq.1", "nope"),
                                          ("limit=1", "limit"), ("snapshot=maybe", "snapshot"),
                                          ("last_event_id=x", "Last-Event-ID")])
def test_bad_parameters_are_refused_by_name(server, query, named):
    with pytest.raises(Refused) as refused:
        Subscription(server.port, "orders", query)
    assert refused.value.status == 400 and named in refused.value.body


def test_a_page_of_another_origin_gets_no_socket(server):
    for origin in ["http://evil.example", f"http://localhost:{server.port}.evil.example", "null"]:
        with pytest.raises(Refused) as refused:
            Subscription(server.port, "orders", websocket=True, origin=origin)
        assert refused.value.status == 403
    Subscription(server.port, "orders", websocket=True, origin=f"http://localhost:{server.port}").close()


def test_an_unknown_collection_is_not_found(server):
    with pytest.raises(Refused) as refused:
        Subscription(server.port, "nope")
    assert refused.value.status == 404


def test_a_record_may_be_named_live(server):
    put(server, "live")
    assert server.api.patch(f"{RECORDS}/live", {"note": "x"}).status == 200
    assert server.api.delete(f"{RECORDS}/live").status == 204
