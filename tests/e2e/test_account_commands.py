"""What operators do with users, keys and tokens: over a running server's socket and on its files, the same."""

import json

import pytest

import millrace
from accounts import PASSWORD, User, closed_project

RECORDS = "/api/collections/orders/records"
ORDERS = """
collection: orders
key: order_id
fields:
  order_id: {type: text, generate: uuidv7}
  owner:    {type: text, required: true}
rules:
  list: owner = auth.user_id or auth.role = 'admin'
  create: owner = auth.user_id or auth.role = 'importer'
"""
ADMIN = "admin@example.com"


class Place:
    def __init__(self, root):
        self.project, self.data = closed_project(root / "project", {"orders": ORDERS}), root / "data"
        self.password = root / "password"
        self.password.write_text(PASSWORD + "\n")

    def run(self, *args, check=True, **more):
        return millrace.run(*args, "--data", self.data, "--project", self.project, check=check, **more)

    def json(self, *args):
        return json.loads(self.run(*args, "--json").stdout)

    def server(self):
        return millrace.Server(self.project, self.data)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def log_in(server, email, password=PASSWORD):
    return server.api.post("/api/auth/login", {"email": email, "password": password})


def test_the_first_administrator_is_made_before_the_first_start(place):
    made = place.json("users", "add", "Admin@Example.com", "--role", "admin", "--password-file", place.password)
    assert made["email"] == ADMIN and made["role"] == "admin" and made["disabled"] is False
    with place.server() as server:
        admin = User(server.api, ADMIN, log_in(server, ADMIN).json)
        assert admin.claims["role"] == "admin"
        user = User(server.api, "ada@example.com")
        assert user.post(RECORDS, {"owner": user.id}).status == 201
        assert len(admin.get(RECORDS).json["items"]) == 1
        shown = admin.post("/api/auth/introspect", {"token": user.token}).json
        assert shown["active"] and shown["sub"] == user.id and shown["username"] == "ada@example.com"
        assert admin.post("/api/auth/introspect", {"token": user.refresh_token}).json["token_type"] == "refresh_token"
        assert admin.post("/api/auth/introspect", {"token": "x"}).json == {"active": False}
        assert user.post("/api/auth/introspect", {"token": user.token}).status == 403


@pytest.mark.parametrize("running", [True, False], ids=["over the socket", "on the files"])
def test_users_are_listed_set_disabled_and_removed(place, running):
    place.run("users", "add", ADMIN, "--role", "admin", "--tenant", "acme", "--password-file", place.password)
    server = place.server()
    user = User(server.api, "ada@example.com")
    kept = user.log_in()

    def between():
        """Ends the server for the commands that run on the files."""
        nonlocal server
        if not running:
            server.stop()

    def again():
        nonlocal server
        if not running:
            server.__exit__()
            server = place.server()
            user.api = kept.api = server.api

    between()
    listed = {one["email"]: one for one in place.json("users", "list")["items"]}
    assert listed[ADMIN]["tenant"] == "acme" and listed["ada@example.com"]["role"] == "user"
    assert "ada@example.com" in place.run("users", "list").stdout
    assert place.json("users", "set", "ADA@example.com", "--role", "admin", "--tenant", "acme")["role"] == "admin"
    again()
    assert kept.get("/api/auth/me").status == 401, "rights that changed need a new login"
    assert User(server.api, user.email, log_in(server, user.email).json).claims["tenant"] == "acme"
    between()
    assert place.json("users", "disable", user.id)["disabled"] is True
    again()
    assert log_in(server, user.email).status == 403
    between()
    place.password.write_text("another password\n")
    place.run("users", "set", user.email, "--enabled", "--password-file", place.password)
    again()
    assert log_in(server, user.email).status == 401 and log_in(server, user.email, "another password").status == 200
    between()
    assert place.run("users", "remove", user.email).stdout == "done\n"
    missing = place.run("users", "remove", user.email, check=False)
    assert missing.returncode == 5 and "no user" in missing.stderr
    again()
    assert log_in(server, user.email, "another password").status == 401
    assert server.api.post("/api/auth/sign-up", {"email": user.email, "password": PASSWORD}).status == 201, "the address is free"
    server.__exit__()


def test_what_is_wrong_is_said(place):
    bad = place.run("users", "add", "nobody", "--role", "", "--password-file", place.password, check=False)
    assert bad.returncode == 1 and "email is no e-mail address" in bad.stderr and "role must not be empty" in bad.stderr, bad
    asked = place.run("users", "add", "a@b.co", check=False)
    assert asked.returncode == 1 and "--password-file" in asked.stderr
    place.run("users", "add", "a@b.co", "--password-file", place.password)
    with place.server():
        again = place.run("users", "add", "A@b.co", "--password-file", place.password, check=False)
        assert again.returncode == 1 and "email" in again.stderr, again
    (place.project / "millrace.yaml").write_text("name: closed\naccess: open\n")
    opened = place.run("users", "list", check=False)
    assert opened.returncode == 1 and "has no users" in opened.stderr


def test_another_systems_users_keep_their_passwords(place, tmp_path):
    """A bcrypt hash (of "U*U", from the vectors of its authors) lets in, and is renewed."""
    (tmp_path / "hash").write_text("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n")
    place.run("users", "add", "old@example.com", "--hash-file", tmp_path / "hash")
    with place.server() as server:
        assert log_in(server, "old@example.com", "U*V").status == 401
        assert log_in(server, "old@example.com", "U*U").status == 200
        assert log_in(server, "old@example.com", "U*U").status == 200
    stored = (place.data / "identity.db").read_bytes()
    assert b"$argon2id$" in stored


def test_keys_come_once_and_go_at_once(place):
    with place.server() as server:
        made = place.json("keys", "create", "nightly import", "--role", "importer", "--expires", "720h")
        headers = {"X-API-Key": made["key"]}
        assert server.api.post(RECORDS, {"owner": "x"}, headers).status == 201
        assert server.api.post(RECORDS, {"owner": "x"}, {"Authorization": f"Bearer {made['key']}"}).status == 201
        me = server.api.get("/api/auth/me", **headers).json
        assert me == {"key_id": made["id"], "role": "importer", "tenant": None, "scopes": []}
        listed = place.run("keys", "list", "--json").stdout
        assert made["key"] not in listed and json.loads(listed)["items"][0]["expires_at"]
        bad = place.run("keys", "create", "x", "--scope", "orders:delete", check=False)
        assert bad.returncode == 1 and "is no scope" in bad.stderr
        assert place.run("keys", "revoke", made["id"]).stdout == "done\n"
        assert server.api.post(RECORDS, {"owner": "x"}, headers).status == 401
        assert "revoked" in place.run("keys", "list").stdout
    offline = place.run("keys", "create", "offline").stdout.strip()
    with place.server() as server:
        assert server.api.get("/api/auth/me", **{"X-API-Key": offline}).status == 200
        assert server.api.get("/api/auth/me", **headers).status == 401, "a revoked key stays refused"


def test_tokens_are_rotated_revoked_and_shown(place, tmp_path):
    with place.server() as server:
        user = User(server.api, "ada@example.com")
        states = [key["state"] for key in place.json("tokens", "rotate")["keys"]]
        assert sorted(states) == ["active", "retired", "standby"]
        assert len(server.api.get("/.well-known/jwks.json").json["keys"]) == 3
        (tmp_path / "token").write_text(user.token)
        shown = place.json("tokens", "introspect", "--token-file", tmp_path / "token")
        assert shown["active"] and shown["sub"] == user.id
        second = user.log_in()
        place.run("tokens", "revoke", "--token-file", tmp_path / "token")
        assert user.get("/api/auth/me").status == 401 and second.get("/api/auth/me").status == 200
        place.run("tokens", "revoke", "--user", user.email)
        assert second.get("/api/auth/me").status == 401
        third = user.log_in()
    with place.server() as server:
        third.api = second.api = server.api
        assert third.get("/api/auth/me").status == 200, "sessions go on over a restart"
        assert second.get("/api/auth/me").status == 401, "and what was revoked stays so"


def test_a_copy_has_its_users(place, tmp_path):
    with place.server() as server:
        user = User(server.api, "ada@example.com")
        millrace.run("backup", tmp_path / "copy", "--data", place.data)
    millrace.run("restore", tmp_path / "copy", "--data", tmp_path / "restored")
    with millrace.Server(place.project, tmp_path / "restored") as server:
        assert log_in(server, user.email).status == 200
        user.api = server.api
        assert user.get("/api/auth/me").json["id"] == user.id
        assert server.api.post("/api/auth/refresh", {"refresh_token": user.refresh_token}).status == 200


def test_an_import_brings_its_key(place, tmp_path):
    csv, key = tmp_path / "orders.csv", tmp_path / "key"
    csv.write_text("owner\nada\nbob\n")
    with place.server() as server:
        key.write_text(place.run("keys", "create", "nightly import", "--role", "importer").stdout)

        def load(*args, **more):
            return millrace.run("import", "orders", csv, "--url", f"http://127.0.0.1:{server.port}", "--quiet", "--json", *args,
                                check=False, **more)

        nobody = load()
        assert nobody.returncode == 5 and "--key-file" in nobody.stderr, nobody
        done = load("--key-file", key)
        assert done.returncode == 0 and json.loads(done.stdout)["operations"] == 2, done
        again = load(env={"MILLRACE_API_KEY": key.read_text().strip()})
        assert again.returncode == 0 and json.loads(again.stdout)["replayed"] == 2, again
        wrong = load(env={"MILLRACE_API_KEY": "two words"})
        assert wrong.returncode == 1 and "MILLRACE_API_KEY is no API key" in wrong.stderr and "two words" not in wrong.stderr
