"""The records API as a client sees it."""

import concurrent.futures
import json

import pytest

import millrace
from millrace import Api

ORDERS = "/api/collections/orders/records"


def create(api, **more):
    answer = api.post(ORDERS, {"customer_id": "c1", "amount": "12.50", **more})
    assert answer.status == 201, answer
    return answer


def test_create_answers_the_whole_record(server):
    answer = create(server.api, order_id="o1", note="first")
    record = answer.json
    assert record["order_id"] == "o1"
    assert record["amount"] == "12.50"
    assert record["status"] == "pending"
    assert record["note"] == "first"
    assert answer.headers["etag"] == f'"{record["_version"]}"'
    assert answer.headers["location"] == f"{ORDERS}/o1"
    assert len(record["_version"]) == 32
    assert record["_created_at"] == record["_updated_at"]
    assert server.api.get(f"{ORDERS}/o1").json == record


def test_generated_keys_rise(server):
    keys = [create(server.api).json["order_id"] for _ in range(20)]
    assert keys == sorted(keys) and len(set(keys)) == 20


def test_array_is_one_atomic_batch(server):
    good = [{"order_id": f"b{i}", "customer_id": "c", "amount": i} for i in range(3)]
    answer = server.api.post(ORDERS, good)
    assert answer.status == 201
    assert [r["order_id"] for r in answer.json] == ["b0", "b1", "b2"]
    bad = [{"order_id": "x1", "customer_id": "c", "amount": 1}, {"order_id": "b1", "customer_id": "c", "amount": 1}]
    assert server.api.post(ORDERS, bad).status == 409
    assert server.api.get(f"{ORDERS}/x1").status == 404


@pytest.mark.parametrize("others", [0, 2])
def test_what_the_store_refuses_is_named_by_its_place_in_the_array(server, others):
    create(server.api, order_id="taken")
    new = [{"order_id": f"n{i}", "customer_id": "c", "amount": 1} for i in range(others)]
    answer = server.api.post(ORDERS, [*new, {"order_id": "taken", "customer_id": "c", "amount": 1}])
    assert answer.status == 409
    assert [e["pointer"] for e in answer.json["errors"]] == [f"/{others}/order_id"]
    assert server.api.post(ORDERS, {"order_id": "taken", "customer_id": "c", "amount": 1}).json["errors"][0][
        "pointer"] == "/order_id"


@pytest.mark.parametrize("body, pointer", [
    ({"customer_id": "c"}, "/amount"),
    ({"customer_id": "c", "amount": "1.234"}, "/amount"),
    ({"customer_id": "c", "amount": -1}, "/amount"),
    ({"customer_id": "c", "amount": "123456789.00"}, "/amount"),
    ({"customer_id": 5, "amount": 1}, "/customer_id"),
    ({"customer_id": "c", "amount": 1, "status": "lost"}, "/status"),
    ({"customer_id": "c", "amount": 1, "note": "x" * 501}, "/note"),
    ({"customer_id": "c", "amount": 1, "nope": 1}, "/nope"),
    ({"customer_id": "c", "amount": 1, "_version": "0"}, "/_version"),
])
def test_every_bad_field_is_named(server, body, pointer):
    answer = server.api.post(ORDERS, body)
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert pointer in [e["pointer"] for e in answer.json["errors"]]


def test_one_answer_names_all_bad_fields(server):
    answer = server.api.post(ORDERS, {"amount": "x", "status": 1, "colour": 2})
    assert {"/customer_id", "/amount", "/status", "/colour"} <= {e["pointer"] for e in answer.json["errors"]}


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"[[{}]]", b"null", b"5", b'"text"', b'{"amount":1,"amount":2,"customer_id":"c"}',
    b'{"customer_id":"a\\u0000b","amount":1}', b'{"customer_id":"\xff","amount":1}',
    b'{"customer_id":"\\ud800","amount":1}', b'{"customer_id":"c","amount":1} x',
    b'{"customer_id":"c","amount":NaN}', b'{"customer_id":"c","amount":1e400}',
    b'{"customer_id":' + b"[" * 10_000, b'{"customer_id":"c","amount":1,}',
])
def test_broken_bodies_are_refused(server, body):
    answer = server.api.post(ORDERS, body)
    assert answer.status == 400, answer
    assert json.loads(answer.body)["status"] == 400
    assert server.api.get(ORDERS).json["items"] == []


def test_body_over_the_limit_is_413(server):
    answer = server.api.post(ORDERS, {"customer_id": "c", "amount": 1, "note": "x" * (9 << 20)})
    assert answer.status == 413


def test_patch_replace_delete(server):
    create(server.api, order_id="o1", note="n")
    patched = server.api.patch(f"{ORDERS}/o1", {"status": "shipped", "note": None})
    assert patched.status == 200 and patched.json["status"] == "shipped" and patched.json["note"] is None
    assert server.api.patch(f"{ORDERS}/o1", {"order_id": "o2"}).status == 400
    assert server.api.patch(f"{ORDERS}/o1", {"customer_id": None}).status == 400
    replaced = server.api.put(f"{ORDERS}/o1", {"customer_id": "c9", "amount": "1.00"})
    assert replaced.status == 200 and replaced.json["status"] == "pending"
    assert replaced.json["_created_at"] == patched.json["_created_at"]
    assert server.api.delete(f"{ORDERS}/o1").status == 204
    assert server.api.delete(f"{ORDERS}/o1").status == 404
    assert server.api.get(f"{ORDERS}/o1").status == 404
    assert server.api.patch(f"{ORDERS}/o1", {"note": "x"}).status == 404


def test_a_write_that_alters_nothing_is_a_new_version(server):
    first = create(server.api, order_id="o1").json["_version"]
    second = server.api.patch(f"{ORDERS}/o1", {}).json["_version"]
    assert second > first


def test_if_match(server):
    create(server.api, order_id="o1")
    etag = server.api.get(f"{ORDERS}/o1").headers["etag"]
    assert server.api.patch(f"{ORDERS}/o1", {"note": "a"}, {"If-Match": etag}).status == 200
    assert server.api.patch(f"{ORDERS}/o1", {"note": "b"}, {"If-Match": etag}).status == 412
    assert server.api.delete(f"{ORDERS}/o1", {"If-Match": etag}).status == 412
    assert server.api.delete(f"{ORDERS}/o1", {"If-Match": "*"}).status == 204


def test_conflicts_and_unknown_names(server):
    create(server.api, order_id="o1")
    assert server.api.post(ORDERS, {"order_id": "o1", "customer_id": "c", "amount": 1}).status == 409
    answer = server.api.get("/api/collections/order/records")
    assert answer.status == 404 and "orders" in answer.json["detail"]
    assert server.api.get("/nowhere").status == 404
    assert server.api.request("PATCH", ORDERS, "{}").status == 405


def test_lists_filters_orders_and_pages(server):
    for i in range(25):
        create(server.api, order_id=f"o{i:02}", customer_id=f"c{i % 3}", amount=f"{i}.10")
    page = server.api.get(f"{ORDERS}?customer_id=eq.c1&amount=gte.10&order=amount.desc&limit=3").json
    amounts = [r["amount"] for r in page["items"]]
    while page["next_cursor"]:
        cursor = millrace.quote(page["next_cursor"])
        page = server.api.get(f"{ORDERS}?customer_id=eq.c1&amount=gte.10&order=amount.desc&limit=3&cursor={cursor}").json
        amounts += [r["amount"] for r in page["items"]]
    assert amounts == [f"{i}.10" for i in range(24, 9, -1) if i % 3 == 1]


@pytest.mark.parametrize("query, parameter", [
    ("nope=eq.1", "nope"), ("status=like", "status"), ("status=foo.1", "status"), ("limit=0", "limit"),
    ("limit=1001", "limit"), ("limit=x", "limit"), ("cursor=abc", "cursor"), ("order=nope.desc", "order"),
    ("amount=gte.abc", "amount"),
])
def test_bad_queries_are_400(server, query, parameter):
    answer = server.api.get(f"{ORDERS}?{query}")
    assert answer.status == 400, answer
    assert parameter in json.dumps(answer.json["errors"])


def test_cursor_of_another_query_is_refused(server):
    for i in range(3):
        create(server.api)
    cursor = millrace.quote(server.api.get(f"{ORDERS}?limit=1").json["next_cursor"])
    assert server.api.get(f"{ORDERS}?limit=1&order=amount.desc&cursor={cursor}").status == 400


def test_idempotency_key_has_one_effect(server):
    body = json.dumps({"customer_id": "c", "amount": "1.00"})

    def send(_):
        return Api(server.port).post(ORDERS, body, {"Idempotency-Key": '"k-1"'})

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(10)))
    assert {a.status for a in answers} == {201}
    assert len({a.body for a in answers}) == 1
    assert len(server.api.get(ORDERS).json["items"]) == 1
    other = server.api.post(ORDERS, {"customer_id": "c", "amount": "2.00"}, {"Idempotency-Key": "k-1"})
    assert other.status == 422
    assert server.api.post(ORDERS, body, {"Idempotency-Key": " "}).status == 400


def test_idempotency_covers_patch_put_delete_and_restarts(shop, data):
    with millrace.Server(shop, data) as server:
        create(server.api, order_id="o1")
        patched = server.api.patch(f"{ORDERS}/o1", {"note": "a"}, {"Idempotency-Key": "p"})
        assert server.api.delete(f"{ORDERS}/o1", {"Idempotency-Key": "d"}).status == 204
        server.kill()
    with millrace.Server(shop, data) as server:
        again = server.api.patch(f"{ORDERS}/o1", {"note": "a"}, {"Idempotency-Key": "p"})
        assert (again.status, again.body) == (200, patched.body)
        assert server.api.delete(f"{ORDERS}/o1", {"Idempotency-Key": "d"}).status == 204
        assert server.api.delete(f"{ORDERS}/o1").status == 404
