"""Users and sessions of a closed project, from the password to the record that only its owner sees."""

import base64
import concurrent.futures
import json

import pytest

import live
import millrace
import openapi
from accounts import PASSWORD, User, closed_project

RECORDS = "/api/collections/orders/records"
ORDERS = """
collection: orders
key: order_id
fields:
  order_id:    {type: text, generate: uuidv7}
  customer_id: {type: text, required: true}
  amount:      {type: "decimal(10,2)", required: true}
rules:
  list: customer_id = auth.user_id or auth.role = 'admin'
  get: customer_id = auth.user_id or auth.role = 'admin'
  create: customer_id = auth.user_id
"""
USERS = """
collection: users
fields:
  name: {type: text, max_length: 50}
rules:
  get: id = auth.user_id
  update: id = auth.user_id
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("closed")
    with millrace.Server(closed_project(root / "project", {"orders": ORDERS, "users": USERS}), root / "data") as running:
        yield running


@pytest.fixture(scope="module")
def ada(server):
    return User(server.api, "Ada@example.com", name="Ada")


@pytest.fixture(scope="module")
def bob(server):
    return User(server.api, "bob@example.com")


def refused(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == f"urn:millrace:error:{code}" and answer.json["status"] == status
    return answer


def test_each_sees_his_own_and_no_other(ada, bob):
    mine = ada.post(RECORDS, {"customer_id": ada.id, "amount": "1.00"})
    assert mine.status == 201, mine
    place = mine.headers["location"]
    assert [one["order_id"] for one in ada.get(RECORDS).json["items"]] == [mine.json["order_id"]]
    assert bob.get(RECORDS).json["items"] == []
    assert ada.get(place).status == 200
    refused(bob.get(place), 404, "not_found")
    refused(bob.post(RECORDS, {"customer_id": ada.id, "amount": "2.00"}), 403, "permission_denied")
    refused(ada.api.request("DELETE", place, headers=ada.headers), 403, "permission_denied")


def test_nobody_gets_nothing(server, ada):
    assert server.api.get(RECORDS).json["items"] == []
    refused(server.api.post(RECORDS, {"customer_id": ada.id, "amount": "1"}), 403, "permission_denied")
    answer = refused(server.api.get(RECORDS, Authorization="Bearer nonsense"), 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    refused(server.api.get("/api/auth/me"), 401, "unauthenticated")


def test_me_is_the_record_with_role_and_tenant(ada):
    me = ada.get("/api/auth/me").json
    assert me["id"] == ada.id and me["email"] == "ada@example.com" and me["name"] == "Ada"
    assert me["role"] == "user" and me["tenant"] is None
    assert "password" not in json.dumps(me) and "$argon2" not in json.dumps(me)


def test_own_fields_follow_the_rules_and_rights_are_not_among_them(ada, bob):
    own = f"/api/collections/users/records/{ada.id}"
    changed = ada.api.patch(own, {"name": "Ada L."}, ada.headers)
    assert changed.status == 200 and changed.json["name"] == "Ada L."
    refused(bob.api.patch(own, {"name": "x"}, bob.headers), 404, "not_found")
    refused(ada.api.patch(own, {"role": "admin"}, ada.headers), 400, "invalid_argument")
    refused(ada.post("/api/collections/users/records", {"email": "x@y.zz"}), 403, "permission_denied")
    assert ada.get("/api/auth/me").json["role"] == "user"


def test_an_address_that_is_changed_is_kept_as_logins_look_for_it(server, bob):
    user = User(server.api, "moves@example.com")
    own = f"/api/collections/users/records/{user.id}"
    changed = server.api.patch(own, {"email": "Moved@Example.COM"}, user.headers)
    assert changed.status == 200 and changed.json["email"] == "moved@example.com", changed
    assert server.api.post("/api/auth/login", {"email": "moved@example.com", "password": PASSWORD}).status == 200
    refused(server.api.patch(own, {"email": "BOB@example.com"}, user.headers), 409, "conflict")
    for method, body in (("PATCH", {"email": "nobody"}), ("PUT", {"email": "nobody"})):
        answer = refused(server.api.request(method, own, body, user.headers), 400, "invalid_argument")
        assert answer.json["errors"] == [{"pointer": "/email", "detail": "is no e-mail address"}]
    put = server.api.request("PUT", own, {"email": "MOVES@example.com", "name": "M"}, user.headers)
    assert put.status == 200 and put.json["email"] == "moves@example.com", put


def test_sign_up_names_every_problem_and_takes_an_address_once(server, ada):
    answer = refused(server.api.post("/api/auth/sign-up", {"email": "nobody", "password": "short", "nme": "x"}), 400,
                     "invalid_argument")
    assert {one["pointer"] for one in answer.json["errors"]} == {"/email", "/password"}
    answer = refused(server.api.post("/api/auth/sign-up", {"email": "c@d.ee", "password": PASSWORD, "nme": "x"}), 400,
                     "invalid_argument")
    assert "did you mean" in answer.json["errors"][0]["detail"] and answer.json["errors"][0]["pointer"] == "/nme"
    refused(server.api.post("/api/auth/sign-up", {"email": "ADA@EXAMPLE.COM", "password": PASSWORD}), 409, "conflict")


def test_wrong_password_and_unknown_user_are_one_answer(server, ada):
    wrong, unknown = (refused(server.api.post("/api/auth/login", {"email": email, "password": "not this one"},
                                              {"X-Request-Id": "same"}), 401, "unauthenticated")
                      for email in ("ada@example.com", "nobody@example.com"))
    assert wrong.body == unknown.body and wrong.headers["www-authenticate"] == "Bearer"


def test_sessions_are_listed_and_ended(server, ada):
    other = ada.log_in()
    items = ada.get("/api/auth/sessions").json["items"]
    assert [one["current"] for one in items].count(True) == 1 and len(items) >= 2
    assert other.get("/api/auth/me").status == 200
    ended = next(one for one in items if one["id"] == other.claims["sid"])
    assert ended["address"] == "127.0.0.1"
    assert ada.api.delete(f"/api/auth/sessions/{ended['id']}", ada.headers).status == 204
    refused(other.get("/api/auth/me"), 401, "unauthenticated")
    refused(other.get(RECORDS), 401, "unauthenticated")
    refused(server.api.post("/api/auth/refresh", {"refresh_token": other.refresh_token}), 401, "unauthenticated")
    refused(ada.api.delete(f"/api/auth/sessions/{ended['id']}", ada.headers), 404, "not_found")


def test_logout_and_revoke_end_a_session(server, ada):
    first, second = ada.log_in(), ada.log_in()
    assert first.post("/api/auth/logout", {}).status == 204
    refused(first.get("/api/auth/me"), 401, "unauthenticated")
    form = server.api.request("POST", "/api/auth/revoke", f"token={second.refresh_token}",
                              {"Content-Type": "application/x-www-form-urlencoded"})
    assert form.status == 200
    refused(second.get("/api/auth/me"), 401, "unauthenticated")
    assert server.api.post("/api/auth/revoke", {"token": "nonsense"}).status == 200


def test_of_ten_refreshes_at_a_time_one_succeeds_and_the_session_goes_on(server, ada):
    session = ada.log_in()

    def refresh(_):
        return millrace.Api(server.port).post("/api/auth/refresh", {"refresh_token": session.refresh_token})

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(refresh, range(10)))
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1 and {answer.status for answer in answers} == {200, 401}
    assert won[0].json["refresh_token"] != session.refresh_token and won[0].json["expires_in"] == 600
    again = server.api.post("/api/auth/refresh", {"refresh_token": won[0].json["refresh_token"]})
    assert again.status == 200
    stolen = server.api.post("/api/auth/refresh", {"refresh_token": session.refresh_token}, {"User-Agent": "a thief"})
    refused(stolen, 401, "unauthenticated")
    refused(server.api.post("/api/auth/refresh", {"refresh_token": again.json["refresh_token"]}), 401, "unauthenticated")


def test_a_new_password_ends_the_other_sessions(server):
    user = User(server.api, "carol@example.com")
    other = user.log_in()
    refused(user.post("/api/auth/password", {"password": "not this one", "new_password": "another one"}), 401,
            "unauthenticated")
    assert user.post("/api/auth/password", {"password": PASSWORD, "new_password": "another one"}).status == 204
    refused(other.get("/api/auth/me"), 401, "unauthenticated")
    assert user.get("/api/auth/me").status == 200
    assert server.api.post("/api/auth/login", {"email": user.email, "password": PASSWORD}).status == 401
    assert server.api.post("/api/auth/login", {"email": user.email, "password": "another one"}).status == 200


def test_the_keys_are_public_and_only_their_public_half(server, ada):
    keys = server.api.get("/.well-known/jwks.json").json["keys"]
    header = json.loads(base64.urlsafe_b64decode(ada.token.split(".")[0] + "=="))
    assert header["alg"] == "EdDSA" and header["typ"] == "at+jwt" and header["kid"] in [key["kid"] for key in keys]
    assert len(keys) == 2
    assert all(set(key) == {"kty", "crv", "alg", "use", "kid", "x"} for key in keys)
    document = server.api.get("/.well-known/openid-configuration").json
    assert document["issuer"] == ada.claims["iss"] == "urn:millrace:closed"
    assert document["jwks_uri"] == f"http://127.0.0.1:{server.port}/.well-known/jwks.json"
    assert ada.claims["aud"] == "closed" and ada.claims["exp"] - ada.claims["iat"] == 600


def test_the_document_describes_what_is_served(server):
    document = server.api.get("/openapi.json").json
    openapi.validate(document)
    served = {one for one in openapi.served(server.api.get("/metrics").body.decode()) if "/auth/" in str(one)}
    described = {one for one in openapi.described(document, {"collection": ["orders", "users"], "stream": []})
                 if "/auth/" in str(one)}
    assert served == described and len(served) == 11


def test_a_live_client_gets_its_own_changes_alone(server, ada, bob):
    with live.Subscription(server.port, "orders", token=ada.token) as events:
        bob.post(RECORDS, {"customer_id": bob.id, "amount": "3.00"})
        mine = ada.post(RECORDS, {"customer_id": ada.id, "amount": "4.00"}).json
        assert events.next().data["order_id"] == mine["order_id"]
