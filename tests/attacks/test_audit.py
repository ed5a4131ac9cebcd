"""The audit log holds no secret, whatever was done, and cannot be filled with what clients choose."""

import json

import pytest

import accounts
import millrace

AUDIT = "/api/streams/audit/events"
ORDERS = """
collection: orders
key: order_id
fields: {order_id: text, note: text}
rules: {create: "true", get: "false", list: "false"}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("audit")
    password = root / "password"
    password.write_text("operators horse\n")
    home = accounts.closed_project(root / "project", {"orders": ORDERS}, "audit: true\n")
    millrace.run("users", "add", "boss@example.com", "--role", "admin", "--password-file", password,
                 "--project", home, "--data", root / "data")
    with millrace.Server(home, root / "data") as running:
        yield running
        assert running.stop() == 0, running.errors()


def whole_log(server, last):
    """Once `last` stands in it."""
    def read():
        text = json.dumps(millrace.log_events(server.data, "audit"))
        return text if last in text else None

    return millrace.wait_until(read, 5, what=last)


def test_no_secret_is_in_it(server, tmp_path):
    api = server.api
    ada = accounts.User(api, "ada@secret.example")
    secrets = [accounts.PASSWORD, "operators horse", ada.email, ada.token, ada.refresh_token, "payload of a record"]
    assert ada.post("/api/collections/orders/records", {"order_id": "o1", "note": "payload of a record"}).status == 201
    for email, password in ((ada.email, "tried password one"), ("nobody@secret.example", "tried password two")):
        assert api.post("/api/auth/login", {"email": email, "password": password}).status == 401
        secrets += [email, password]
    again = ada.log_in()
    grant = api.post("/api/auth/refresh", {"refresh_token": again.refresh_token}).json
    thief = {"User-Agent": "somebody else"}
    assert api.post("/api/auth/refresh", {"refresh_token": again.refresh_token}, thief).status == 401
    assert ada.post("/api/auth/password", {"password": accounts.PASSWORD, "new_password": "brand new horse"}).status == 204
    third = api.post("/api/auth/login", {"email": ada.email, "password": "brand new horse"}).json
    assert api.post("/api/auth/revoke", {"token": third["refresh_token"]}).status == 200
    assert api.request("GET", "/api/auth/me", headers={"Authorization": f"Bearer {ada.token}x"}).status == 401
    secrets += [again.token, again.refresh_token, grant["access_token"], grant["refresh_token"], "brand new horse",
                third["access_token"], third["refresh_token"]]
    key = json.loads(millrace.run("keys", "create", "k", "--role", "admin", "--data", server.data, "--json").stdout)["key"]
    assert api.request("GET", "/api/collections/orders/records/o1", headers={"X-API-Key": key}).status == 404
    millrace.run("tokens", "revoke", key, "--data", server.data, check=False)
    password = tmp_path / "password"
    password.write_text("set by an operator\n")
    millrace.run("users", "set", ada.email, "--password-file", password, "--data", server.data)
    millrace.run("users", "remove", ada.email, "--data", server.data)
    secrets += [key, "set by an operator"]
    log = whole_log(server, '"user_removed"')
    assert '"key_made"' in log and '"login_refused"' in log and '"refresh_reuse"' in log
    for secret in secrets:
        assert secret not in log, secret


def test_what_clients_choose_is_cut_and_made_fit(server):
    boss = server.api.post("/api/auth/login", {"email": "boss@example.com", "password": "operators horse"}).json
    headers = {"Authorization": f"Bearer {boss['access_token']}"}
    long = "k" * 3000
    for key in (long, "%00%01%0a", "%ff%fe%80", "%f0%9f%92%a5", "%22%7d%2c%7b"):
        answer = server.api.request("GET", f"/api/collections/orders/records/{key}", headers=headers)
        assert answer.status in (400, 403, 404), answer
    assert server.api.post("/api/collections/orders/records", {"order_id": "after"}, headers).status == 201
    log = whole_log(server, '"after"')
    assert long[:600] not in log and "not fit for the audit log" not in server.errors()
    assert server.api.get("/readyz").status == 200
