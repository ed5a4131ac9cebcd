"""The audit log: who did what, from the HTTP request to a row of the lake."""

import datetime
import json

import pytest

import accounts
import millrace

RECORDS = "/api/collections/orders/records"
AUDIT = "/api/streams/audit/events"
ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text, generate: uuidv7}
  customer_id: {type: text, required: true}
  amount:      {type: "decimal(10,2)", required: true}
rules:
  list: customer_id = auth.user_id
  get: customer_id = auth.user_id
  create: customer_id = auth.user_id
  update: customer_id = auth.user_id
  delete: customer_id = auth.user_id
"""
CLICKS = """
stream: clicks
fields: {page: text}
rules: {append: "auth.user_id is not null"}
"""
TO_LAKE = """
pipeline: audit_lake
from: {stream: audit, start: earliest}
sql: SELECT * FROM changes
to:
  - lake: {path: audit/, roll: {every: 1s}}
"""
ADMIN = "boss@example.com"


def project(directory, audit="audit: true\n", **more):
    return accounts.closed_project(directory, {"orders": ORDERS}, audit, pipelines={"audit_lake": TO_LAKE},
                                   streams={"clicks": CLICKS}, **more)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("audit")
    password = root / "password"
    password.write_text(accounts.PASSWORD + "\n")
    home = project(root / "project", "audit: true\ntrusted_proxies: [127.0.0.1]\n")
    millrace.run("users", "add", ADMIN, "--role", "admin", "--password-file", password, "--project", home,
                 "--data", root / "data")
    with millrace.Server(home, root / "data") as running:
        yield running


@pytest.fixture(scope="module")
def ada(server):
    return accounts.User(server.api, "ada@example.com")


@pytest.fixture(scope="module")
def boss(server):
    answer = server.api.post("/api/auth/login", {"email": ADMIN, "password": accounts.PASSWORD})
    return accounts.User(server.api, ADMIN, answer.json)


def events(boss, **wanted):
    """Those of the log that have these values, once there are any."""
    def found():
        answer = boss.get(AUDIT + "?limit=1000")
        assert answer.status == 200, answer
        log = [one["event"] for one in answer.json["items"]]
        return [one for one in log if all(one[name] == value for name, value in wanted.items())]

    return millrace.wait_until(found, 5, what=wanted)


def test_a_login_and_a_create_reach_the_lake(server, ada, boss):
    made = ada.post(RECORDS, {"customer_id": ada.id, "amount": "1.00"})
    assert made.status == 201, made
    session = ada.log_in()

    def rows():
        if not list((server.data / "lake").glob("audit/*.parquet")):
            return None
        found = millrace.sql(server.data, "SELECT occurred_at, actor_kind, actor_id, action, resource, resource_id, status, "
                             f"result FROM lake.audit WHERE actor_id = '{ada.id}' ORDER BY _offset")
        return found if len(found) >= 3 else None

    sign_up, create, login = millrace.wait_until(rows, 20, 0.3)
    assert {one["actor_kind"] for one in (sign_up, create, login)} == {"user"}
    assert (sign_up["action"], sign_up["resource_id"], sign_up["status"]) == ("sign_up", ada.id, 201)
    assert (create["action"], create["resource"], create["resource_id"], create["status"], create["result"]) == (
        "create", "collections/orders", made.json["order_id"], 201, "ok")
    assert (login["action"], login["resource"], login["resource_id"]) == ("login", "sessions", session.claims["sid"])
    assert abs(datetime.datetime.fromisoformat(create["occurred_at"]) - datetime.datetime.now(datetime.UTC)).seconds < 60


def test_each_write_says_what_it_did(server, ada, boss):
    one = ada.post(RECORDS, {"customer_id": ada.id, "amount": "1"}).json["order_id"]
    path = f"{RECORDS}/{one}"
    assert server.api.patch(path, {"amount": "2"}, ada.headers).status == 200
    assert server.api.put(path, {"customer_id": ada.id, "amount": "3"}, ada.headers).status == 200
    assert server.api.delete(path, ada.headers).status == 204
    found = events(boss, resource_id=one, action="delete") and events(boss, resource_id=one)
    assert [(e["action"], e["status"]) for e in found] == [("create", 201), ("update", 200), ("replace", 200),
                                                           ("delete", 204)]
    assert {(e["actor_id"], e["role"], e["address"], e["result"], e["code"]) for e in found} == {
        (ada.id, "user", "127.0.0.1", "ok", None)}

    many = ada.post(RECORDS, [{"customer_id": ada.id, "amount": str(n)} for n in range(120)])
    assert many.status == 201, many
    [array] = events(boss, count=120)
    assert array["keys"] == [record["order_id"] for record in many.json[:100]] and array["resource_id"] is None

    lines = '{"event_id":"a","page":"x"}\n{"event_id":"b","page":"y"}\n'
    for status in (201, 200):  # the second time they are duplicates
        answer = server.api.post("/api/streams/clicks/events", lines,
                                 {**ada.headers, "Content-Type": "application/x-ndjson"})
        assert answer.status == status, answer
    assert [e["count"] for e in events(boss, resource="streams/clicks", action="append")] == [2]


def test_a_write_that_is_repeated_is_there_once(server, ada, boss):
    headers = {**ada.headers, "Idempotency-Key": "once"}
    body = {"customer_id": ada.id, "amount": "7"}
    first, second = (server.api.post(RECORDS, body, headers) for _ in range(2))
    assert second.headers["idempotent-replayed"] == "true" and first.json == second.json
    ada.post(RECORDS, {"customer_id": ada.id, "amount": "8"})
    assert len(events(boss, resource_id=first.json["order_id"])) == 1


def test_refusals_say_who_and_why(server, ada, boss):
    bob = accounts.User(server.api, "bob@example.com")
    hidden = ada.post(RECORDS, {"customer_id": ada.id, "amount": "1"}).json["order_id"]
    for answer, status in [(bob.get(f"{RECORDS}/{hidden}"), 404), (bob.post(RECORDS, {"customer_id": "x", "amount": "1"}), 403),
                           (bob.get("/api/streams/clicks/events"), 403)]:
        assert answer.status == status, answer
    forged = server.api.get(RECORDS, Authorization="Bearer forged", **{"X-Request-Id": "forged-1", "X-Forwarded-For": "198.51.100.7"})
    assert forged.status == 401
    [one] = events(boss, request_id="forged-1")
    assert (one["action"], one["actor_kind"], one["status"], one["code"], one["address"]) == (
        "refused", "anonymous", 401, "unauthenticated", "198.51.100.7")
    found = {(e["action"], e["resource"], e["status"], e["code"]) for e in events(boss, actor_id=bob.id, result="refused")}
    assert found == {("refused", "collections/orders", 404, "not_found"),
                     ("create", "collections/orders", 403, "permission_denied"),
                     ("refused", "streams/clicks", 403, "permission_denied")}


def test_sessions_and_passwords(server, boss):
    eve = accounts.User(server.api, "eve@example.com")
    second = eve.log_in()
    refreshed = server.api.post("/api/auth/refresh", {"refresh_token": second.refresh_token})
    assert refreshed.status == 200
    stolen = server.api.request("POST", "/api/auth/refresh", {"refresh_token": second.refresh_token},
                                {"X-Forwarded-For": "198.51.100.9"})
    assert stolen.status == 401
    [reuse] = events(boss, action="refresh_reuse")
    assert (reuse["actor_id"], reuse["resource_id"], reuse["address"]) == (eve.id, second.claims["sid"], "198.51.100.9")

    assert server.api.post("/api/auth/login", {"email": eve.email, "password": "not this one"}).status == 401
    [wrong] = events(boss, action="login_refused")
    [signed_up] = events(boss, action="sign_up", actor_id=eve.id)
    assert wrong["account"] == signed_up["account"] and wrong["actor_id"] is None and wrong["code"] == "unauthenticated"

    third = eve.log_in()
    changed = third.post("/api/auth/password", {"password": accounts.PASSWORD, "new_password": "another horse"})
    assert changed.status == 204, changed
    assert third.post("/api/auth/logout", {}).status == 204
    assert [(e["action"], e["resource"], e["result"]) for e in events(boss, actor_id=eve.id)] == [
        ("sign_up", "users", "ok"), ("login", "sessions", "ok"), ("refresh", "sessions", "ok"),
        ("refresh_reuse", "sessions", "refused"), ("login", "sessions", "ok"), ("password", "users", "ok"),
        ("logout", "sessions", "ok")]


def test_what_operators_do_is_there_with_and_without_a_server(server, boss, tmp_path):
    made = json.loads(millrace.run("keys", "create", "reader", "--role", "admin", "--data", server.data, "--json").stdout)
    millrace.run("keys", "revoke", made["id"], "--data", server.data)
    millrace.run("tokens", "rotate", "--data", server.data)
    [one] = events(boss, action="key_made")
    assert (one["actor_kind"], one["resource"], one["resource_id"], one["status"]) == ("operator", "keys", made["id"], 0)
    assert one["actor_id"].startswith("uid:") and one["route"] == "millrace keys create"
    assert events(boss, action="key_revoked")[0]["resource_id"] == made["id"] and events(boss, action="keys_rotated")
    # Before the server ran.
    [first] = events(boss, action="user_made")
    assert (first["resource"], first["resource_id"], first["actor_kind"]) == ("users", boss.id, "operator")
    gone = accounts.User(server.api, "gone@example.com")
    millrace.run("tokens", "revoke", "--user", gone.email, "--data", server.data)
    millrace.run("users", "remove", gone.email, "--data", server.data)
    assert [e["action"] for e in events(boss, resource_id=gone.id, actor_kind="operator")] == ["session_ended", "user_removed"]
    refused = millrace.run("keys", "revoke", "nosuchkey", "--data", server.data, check=False)
    assert refused.returncode != 0 and events(boss, action="key_revoked", result="refused", code="not_found")


def test_nobody_writes_to_it(server, boss):
    event = {"action": "login", "actor_id": "somebody"}
    key = json.loads(millrace.run("keys", "create", "all", "--role", "admin", "--scope", "*", "--data", server.data,
                                  "--json").stdout)["key"]
    for headers in (boss.headers, {"X-API-Key": key}, {}):
        answer = server.api.post(AUDIT, event, headers)
        assert answer.status == 403, answer
    file = server.data.parent / "event.json"
    file.write_text(json.dumps(event))
    tried = millrace.run("log", "append", "audit", file, "--data", server.data, check=False)
    assert tried.returncode != 0 and "written by this program alone" in tried.stderr, tried
    assert not any(e["actor_id"] == "somebody" for e in events(boss))
    paths = server.api.get("/openapi.json").json["paths"]
    assert set(paths[AUDIT]) == {"get"} and "post" in paths["/api/streams/clicks/events"]


def test_an_open_project_may_have_one_and_the_door_of_refusals_is_narrow(tmp_path):
    home = millrace.write_project(tmp_path / "project", {"orders": ORDERS.split("rules:")[0]}, settings="audit: true\n")
    with millrace.Server(home, tmp_path / "data") as server:
        assert server.api.post(RECORDS, {"customer_id": "c", "amount": "1"}).status == 201
        for _ in range(200):
            assert server.api.post(RECORDS, {"customer_id": 7}).status == 400
        assert server.api.post(AUDIT, {"action": "login"}).status == 403

        def settled():
            found = [one["event"] for one in server.api.get(AUDIT + "?limit=1000").json["items"]]
            return found if sum(e["result"] == "refused" for e in found) >= 30 else None

        found = millrace.wait_until(settled, 5)
        assert [e["action"] for e in found if e["result"] == "ok"] == ["create"]
        assert {e["actor_kind"] for e in found} == {"anonymous"}
        assert sum(e["result"] == "refused" for e in found) == 30
        metrics = server.api.get("/metrics").body.decode()
        assert "audit_folded_total 171" in metrics and 'audit_events_total{action="create",result="ok"} 1' in metrics
        assert server.stop() == 0
    (tmp_path / "event.json").write_text("{}")
    tried = millrace.run("log", "append", "audit", tmp_path / "event.json", "--data", tmp_path / "data", "--project", home,
                         check=False)
    assert "written by this program alone" in tried.stderr, tried


DIRTY = """
pipeline: orders_now
from: {changes: orders, start: earliest}
require: [amount >= 0]
sql: SELECT order_id, customer_id, amount FROM changes
to:
  - table: {name: orders_now, key: order_id}
"""


def test_what_operators_do_to_pipelines_is_there(tmp_path):
    home = millrace.write_project(tmp_path / "project", {"orders": ORDERS.split("rules:")[0]}, {"orders_now": DIRTY},
                                  settings="audit: true\n")
    data = tmp_path / "data"
    steps = [(("deadletters", "mend", "--all", "--set", "amount = 1"), None),  # only shown
             (("deadletters", "mend", "--all", "--set", "amount = 1", "--apply"), "mend"),
             (("deadletters", "redrive", "--all"), "redrive"),
             (("deadletters", "dismiss", "--all"), None),  # only shown
             (("deadletters", "dismiss", "--all", "--apply"), "dismiss"),
             (("pipelines", "replay", "orders_now", "--compare"), None),
             (("pipelines", "replay", "orders_now"), "replay"),
             (("pipelines", "resnapshot", "orders_now"), "resnapshot")]
    wanted = []
    for running in (True, False):
        with millrace.Server(home, data) as server:
            assert server.api.post(RECORDS, {"customer_id": "c", "amount": "-1"}).status == 201
            millrace.wait_until(lambda: [one for one in millrace.dead_letters(data) if one["state"] == "open"])
            if not running:
                assert server.stop() == 0
            for command, action in steps:
                millrace.run(*command, "--data", data, "--project", home)
                wanted += [action] if action else []
            if running:
                millrace.run("backup", tmp_path / "backup", "--data", data)
                wanted.append("backup")
    millrace.run("pipelines", "rebuild", "orders_now", "--data", data, "--project", home)
    log = [one["event"]["after"] for one in millrace.log_events(data, "audit")]
    done = [one for one in log if one["actor_kind"] == "operator"]
    assert [one["action"] for one in done] == [*wanted, "rebuild"]
    assert {(one["action"], one["resource"]) for one in done if one["action"] != "backup"} == {
        (action, "pipelines" if action in ("redrive", "dismiss") else "pipelines/orders_now")
        for action in (*wanted, "rebuild") if action != "backup"}
    assert [(one["count"], one["result"]) for one in done if one["action"] in ("mend", "redrive")] == [(1, "ok")] * 4
