"""R0's gateway and auth service: examples/gateway-auth, as its users and its other half see it."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import millrace
import nest
import pytest
from door import PASSWORD, PROJECT, SECRET, Door

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ERROR_KEYS = {"statusCode", "message", "error", "timestamp", "path"}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def encode(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(claims, secret=SECRET, header=None, digest=hashlib.sha256):
    text = encode(header or {"alg": "HS256", "typ": "JWT"}) + "." + encode(claims)
    return text + "." + encode(hmac.new(secret.encode(), text.encode(), digest).digest())


def refused(answer, status, message, path):
    """The one form of every error."""
    assert answer.status == status, answer
    body = answer.json
    assert set(body) == ERROR_KEYS, body
    assert body["statusCode"] == status and body["message"] == message and body["path"] == path, body
    assert ISO.fullmatch(body["timestamp"]), body
    return body


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with Door(tmp_path_factory.mktemp("door") / "data") as running:
        yield running


def test_both_roles_say_where_they_listen_in_order(door):
    assert [line.split("://")[0] for line in door.lines] == ["ready tcp", "ready http"]


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_register_gives_the_user_and_no_secret(door, prefix):
    email = f"first{len(prefix)}@example.com"
    answer = door.api.post(f"{prefix}/auth/register", {"email": email, "password": PASSWORD, "name": "Ann"})
    assert answer.status == 201, answer
    user = answer.json
    assert list(user) == ["id", "email", "name", "createdAt", "updatedAt"]
    assert re.fullmatch("[0-9a-f]{24}", user["id"])
    assert (user["email"], user["name"]) == (email, "Ann")
    assert ISO.fullmatch(user["createdAt"]) and ISO.fullmatch(user["updatedAt"])
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(user["createdAt"])
    assert abs(age.total_seconds()) < 60


def test_username_is_an_alias_and_the_name_may_be_left_out(door):
    assert door.register("alias@example.com", username="Bob").json["name"] == "Bob"
    assert "name" not in door.register("nameless@example.com").json


def test_a_password_that_is_a_number_is_that_text(door):
    assert door.register("number@example.com", 12345678).status == 201
    assert door.login("number@example.com", "12345678").status == 200
    assert door.login("number@example.com", 12345678).status == 200


@pytest.mark.parametrize("body, messages", [
    ({}, ["Email should not be empty.", "Please provide a valid email address.",
          "Password must be at least 8 characters long.", "Password should not be empty.", "password must be a string"]),
    ({"email": "nobody", "password": PASSWORD}, ["Please provide a valid email address."]),
    ({"email": "a@b.co", "password": "1234567"}, ["Password must be at least 8 characters long."]),
    ({"email": "a@b.co", "password": PASSWORD, "role": "admin"}, ["property role should not exist"]),
    ({"email": "a@b.co", "password": PASSWORD, "name": ["x"]}, ["name must be a string"]),
    ({"email": {"$gt": ""}, "password": PASSWORD}, ["Please provide a valid email address."]),
])
def test_every_broken_rule_of_a_sign_up_is_named(door, body, messages):
    answer = door.api.post("/api/auth/register", body)
    assert refused(answer, 400, messages, "/api/auth/register")["error"] == "Bad Request"


def test_every_broken_rule_of_a_login_is_named(door):
    refused(door.api.post("/auth/login", {}), 400,
            ["email should not be empty", "email must be an email", "password should not be empty",
             "password must be a string"], "/auth/login")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff", b'{"a":' * 2000])
def test_a_body_that_is_none_is_refused(door, body):
    assert door.api.post("/api/auth/register", body).status == 400
    assert set(door.api.post("/api/auth/login", body).json) == ERROR_KEYS


def test_an_email_is_taken_once_and_compared_exactly(door):
    assert door.register("twice@example.com").status == 201
    again = door.register("twice@example.com", "another password")
    assert refused(again, 409, "Email already exists", "/api/auth/register")["error"] == "Conflict"
    assert door.register("Twice@example.com").status == 201
    users = door.api.get("/api/auth/users", **bearer(door.token("twice@example.com"))).json
    assert sum(user["email"] == "twice@example.com" for user in users) == 1


def test_many_sign_ups_of_one_email_at_a_time_make_one_user(door):
    answers = []

    def register():
        api = millrace.Api(door.port)
        answers.append(api.post("/auth/register", {"email": "race@example.com", "password": PASSWORD}).status)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 7


def test_login_gives_a_token_of_an_hour(door):
    user = door.register("login@example.com", name="Zoë 😀").json
    answer = door.login("login@example.com")
    assert answer.status == 200
    assert list(answer.json) == ["accessToken", "user"] and answer.json["user"] == user
    header, payload, signature = answer.json["accessToken"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["exp"] == claims["iat"] + 3600 and abs(claims["iat"] - time.time()) < 60
    assert (claims["email"], claims["sub"]) == (user["email"], user["id"])
    assert set(claims) == {"email", "sub", "iat", "exp"}
    made = hmac.new(SECRET.encode(), f"{header}.{payload}".encode(), hashlib.sha256).digest()
    assert encode(made) == signature


def test_wrong_password_and_unknown_email_differ(door):
    door.register("wrong@example.com")
    answer = door.login("wrong@example.com", "not the password")
    assert refused(answer, 401, "Invalid credentials", "/api/auth/login")["error"] == "Unauthorized"
    answer = door.login("nobody@example.com")
    assert refused(answer, 404, "User not found", "/api/auth/login")["error"] == "Not Found"


def test_each_token_gets_its_own_profile(door):
    tokens = {}
    for name in ["one", "two"]:
        door.register(f"{name}@example.com")
        tokens[name] = door.token(f"{name}@example.com")
    for _ in range(2):
        for name, token in tokens.items():
            for path in ["/api/auth/me", "/auth/me"]:
                answer = door.me(token, path)
                assert answer.status == 200 and answer.json["email"] == f"{name}@example.com"


def test_the_list_has_everyone_and_no_hash(door):
    door.register("listed@example.com")
    token = door.token("listed@example.com")
    for path in ["/api/auth/users", "/auth/users"]:
        answer = door.api.get(path, **bearer(token))
        assert answer.status == 200
        assert "listed@example.com" in [user["email"] for user in answer.json]
        for user in answer.json:
            assert set(user) <= {"id", "email", "name", "createdAt", "updatedAt"}
        assert b"$2b$" not in answer.body and PASSWORD.encode() not in answer.body


def test_the_guard_says_why(door):
    user = door.register("guarded@example.com").json
    now = int(time.time())
    claims = {"email": user["email"], "sub": user["id"], "iat": now, "exp": now + 60}
    none = encode({"alg": "none"}) + "." + encode(claims) + "."
    rightly = forge(claims)
    cases = {
        "jwt expired": forge(claims | {"exp": now - 1}),
        "invalid signature": forge(claims, "another secret"),
        "jwt malformed": "nonsense",
        "jwt signature is required": none,
        "invalid token": "a.b.c",
        "invalid algorithm": forge(claims, header={"alg": "HS512"}, digest=hashlib.sha512),
        "invalid exp value": forge({k: v for k, v in claims.items() if k != "exp"}),
        "User not found or token invalid": forge(claims | {"sub": "0" * 24}),
    }
    for path in ["/api/auth/me", "/auth/users"]:
        assert door.me(rightly, path).status == 200
        for message, token in cases.items():
            assert refused(door.me(token, path), 401, message, path)["error"] == "Unauthorized"
        refused(door.api.get(path), 401, "No auth token", path)
        refused(door.api.get(path, Authorization=f"Basic {rightly}"), 401, "No auth token", path)
        assert door.api.get(path, Authorization=f"bearer {rightly}").status == 200


def test_other_routes_do_not_exist(door):
    for method, path in [("GET", "/nothing?x=1"), ("GET", "/api/collections"), ("DELETE", "/api/auth/users"),
                         ("GET", "/api/collections/users/records"), ("POST", "/api/auth/me")]:
        refused(door.api.request(method, path), 404, f"Cannot {method} {path}", path)


def test_passwords_are_bcrypt_of_cost_10_in_their_own_file_only(door):
    for email in ["hash1@example.com", "hash2@example.com"]:
        door.register(email, "same password")
    ids = {door.login(email, "same password").json["user"]["id"] for email in ["hash1@example.com", "hash2@example.com"]}
    with sqlite3.connect(f"file:{door.data}/identity.db?mode=ro", uri=True) as db:
        hashes = dict(db.execute("SELECT user_id, password_hash FROM credentials"))
    assert (door.data / "identity.db").stat().st_mode & 0o777 == 0o600
    mine = [hashes[one] for one in ids]
    assert len(set(mine)) == 2 and all(re.fullmatch(r"\$2b\$10\$[./A-Za-z0-9]{53}", one) for one in mine)
    made = subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", "same password", mine[0]],
                          capture_output=True, text=True, check=True).stdout
    assert made == mine[0]
    # Nowhere else: no record, event, lake file or log line has a hash or a password.
    for file in door.data.rglob("*"):
        if file.is_file() and not file.name.startswith("identity.db"):
            assert b"$2b$10$" not in file.read_bytes(), file
    assert "$2b$" not in door.errors() and "same password" not in door.errors() and SECRET not in door.errors()


def test_every_request_is_a_line_of_the_log_with_its_time(door):
    door.me("nonsense", "/api/auth/me?page=1")

    def logged():
        lines = [json.loads(line) for line in door.errors().splitlines() if '"request"' in line]
        return [one for one in lines if one.get("path") == "/api/auth/me?page=1"]
    line = millrace.wait_until(logged, 5, what="the line of the request")[0]
    assert (line["method"], line["status"]) == ("GET", 401) and line["ms"] >= 0


# Limits and cache ----------------------------------------------------------------------------------------------------

def test_ten_calls_of_one_address_to_one_route(tmp_path):
    with Door(tmp_path / "data", env={"THROTTLE_LIMIT": None}) as door:
        for left in range(9, -1, -1):
            answer = door.api.post(["/api/auth/login", "/auth/login"][left % 2], {})
            assert answer.status == 400 and answer.headers["x-ratelimit-remaining"] == str(left)
            assert answer.headers["x-ratelimit-limit"] == "10" and 0 < int(answer.headers["x-ratelimit-reset"]) <= 60
        for _ in range(2):
            answer = door.api.post("/auth/login", {})
            refused(answer, 429, "ThrottlerException: Too Many Requests", "/auth/login")
            assert 0 < int(answer.headers["retry-after"]) <= 60 and "x-ratelimit-limit" not in answer.headers
        # Another route, another address, and health go on.
        assert door.register("other@example.com").status == 201
        for _ in range(12):
            assert door.api.get("/health").status == 200
        with socket.create_connection(("127.0.0.1", door.port), source_address=("127.0.0.9", 0)) as other:
            other.sendall(b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            assert other.recv(100).startswith(b"HTTP/1.1 400")


def test_a_block_ends_and_the_count_begins_anew(tmp_path):
    with Door(tmp_path / "data", env={"THROTTLE_LIMIT": "2", "THROTTLE_TTL": "300"}) as door:
        assert [door.api.post("/auth/login", {}).status for _ in range(3)] == [400, 400, 429]
        answer = millrace.wait_until(lambda: (one := door.api.post("/auth/login", {})).status == 400 and one, 5)
        assert answer.headers["x-ratelimit-remaining"] == "1"


def test_answers_are_kept_for_their_caller_alone(door):
    tokens = []
    for name in ["cached1@example.com", "cached2@example.com"]:
        door.register(name)
        tokens.append(door.token(name))
    for path in ["/api/auth/me", "/api/auth/users"]:
        for token in tokens:
            first, second = door.me(token, path), door.me(token, path)
            assert [first.headers["x-cache"], second.headers["x-cache"]] == ["MISS", "HIT"]
            assert first.body == second.body
        assert door.me(tokens[0], path).headers["x-cache"] == "HIT"
        refused(door.me("nonsense", path), 401, "jwt malformed", path)
    assert door.me(tokens[0]).json["email"] == "cached1@example.com"
    assert door.me(tokens[1]).json["email"] == "cached2@example.com"
    door.register("cached3@example.com")
    after = door.me(tokens[0], "/api/auth/users")
    assert after.headers["x-cache"] == "MISS" and "cached3@example.com" in [one["email"] for one in after.json]


# Messages ------------------------------------------------------------------------------------------------------------

def test_the_four_messages_over_frames(door):
    with nest.Client(door.tcp_port) as client:
        made = client.call("auth_register", {"email": "tcp@example.com", "password": PASSWORD, "name": "Zoë 😀"}, "a")
        assert made["id"] == "a" and made["isDisposed"] is True and made["response"]["name"] == "Zoë 😀"
        user = made["response"]
        again = client.call("auth_register", {"email": "tcp@example.com", "password": PASSWORD})
        assert again["err"]["statusCode"] == 409 and again["err"]["message"] == "Email already exists"
        login = client.call("auth_login", {"email": "tcp@example.com", "password": PASSWORD})["response"]
        assert login["user"] == user and door.me(login["accessToken"]).json == user
        assert user in client.call("auth_get_users", {})["response"]
        assert client.call("auth_validate_user", {"userId": user["id"]})["response"] == user
        assert client.call("auth_validate_user", {"userId": "f" * 24})["response"] is None
        assert client.call("auth_register", {"email": "x", "password": "y"})["err"]["statusCode"] == 400


def test_frames_may_be_split_joined_unknown_or_events(door):
    request = nest.frame({"pattern": {"cmd": "auth_validate_user"}, "data": {"userId": "é😀"}, "id": "1"})
    with nest.Client(door.tcp_port) as client:
        client.send(request * 3)
        assert [client.read()["response"] for _ in range(3)] == [None] * 3
        for i in range(len(request)):
            client.send(request[i:i + 1])
        assert client.read() == {"response": None, "isDisposed": True, "id": "1"}
        text = nest.frame({"pattern": '{"cmd":"auth_validate_user"}', "data": {}, "id": "2"})
        client.send(text)
        assert client.read()["id"] == "2"
        assert client.call("nobody_knows", {}, "3") == {
            "id": "3", "status": "error", "err": "There is no matching message handler defined in the remote service."}
        client.send(nest.frame({"pattern": {"cmd": "auth_validate_user"}, "data": {}}))  # an event: no answer
        assert client.call("auth_validate_user", {}, "4")["id"] == "4"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"x#{}", b"#{}", b"5#hello", b"99999999#{", b"1" * 40])
def test_garbage_ends_its_connection_and_no_other(door, garbage):
    with nest.Client(door.tcp_port) as good, nest.Client(door.tcp_port) as bad:
        bad.send(garbage)
        assert bad.read() is None
        assert good.call("auth_validate_user", {})["response"] is None


# Two processes -------------------------------------------------------------------------------------------------------

@pytest.fixture
def pair(tmp_path):
    """An identity process and a gateway process."""
    with Door(tmp_path / "identity", "identity") as identity:
        with Door(tmp_path / "gateway", "gateway", {"AUTH_MICROSERVICE_PORT": str(identity.tcp_port)}) as gateway:
            yield identity, gateway


def test_the_gateway_opens_no_store(pair):
    identity, gateway = pair
    assert gateway.register("two@example.com").status == 201
    assert not gateway.data.exists()
    open_files = [os.readlink(f"/proc/{gateway.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{gateway.process.pid}/fd")]
    assert not [name for name in open_files if ".db" in name or "duckdb" in name or str(identity.data) in name]
    assert (identity.data / "records.db").exists() and (identity.data / "identity.db").exists()


def test_users_survive_a_restart_of_both(tmp_path):
    data = tmp_path / "data"
    with Door(data) as first:
        user = first.register("kept@example.com").json
        token = first.token("kept@example.com")
        first.kill()
    with Door(data) as second:
        assert second.login("kept@example.com").json["user"] == user
        assert second.me(token).json == user
        assert second.api.get("/auth/users", **bearer(token)).json == [user]


def in_time(call, seconds=5):
    """5xx in the form of an error, within the time that a caller waits."""
    began = time.monotonic()
    answer = call()
    assert time.monotonic() - began < seconds
    assert 500 <= answer.status < 600, answer
    assert set(answer.json) == ERROR_KEYS and answer.json["statusCode"] == answer.status
    return answer


def test_identity_killed_and_back(pair, tmp_path):
    identity, gateway = pair
    gateway.register("down@example.com")
    token = gateway.token("down@example.com")
    identity.kill()
    for call in [lambda: gateway.login("down@example.com"), lambda: gateway.me(token),
                 lambda: gateway.register("other@example.com"),
                 lambda: gateway.api.get("/auth/users", **bearer(token))]:
        in_time(call)
    # By now nothing is tried any more for a caller: at once.
    assert in_time(lambda: gateway.me(token), 1).status == 503
    refused(gateway.me("nonsense"), 401, "jwt malformed", "/api/auth/me")
    health = gateway.api.get("/api/health")
    assert health.status == 503 and health.json["status"] == "error"
    assert health.json["error"]["auth-microservice-tcp"]["status"] == "down"
    assert health.json["info"] == {"gateway-http": {"status": "up"}}
    with Door(identity.data, "identity", {"AUTH_MICROSERVICE_PORT": str(identity.tcp_port)}):
        millrace.wait_until(lambda: gateway.me(token).status == 200, 10, what="recovery")
        assert gateway.login("down@example.com").status == 200
        up = {"gateway-http": {"status": "up"}, "auth-microservice-tcp": {"status": "up"}}
        health = gateway.api.get("/health")
        assert health.status == 200
        assert health.json == {"status": "ok", "info": up, "error": {}, "details": up}


def stands_still(pid):
    tasks = [open(f"/proc/{pid}/task/{task}/stat").read() for task in os.listdir(f"/proc/{pid}/task")]
    return all(task.rsplit(")", 1)[1].split()[0] == "T" for task in tasks)


def test_a_gateway_without_the_service_token_is_refused(tmp_path):
    name = "MILLRACE__IDENTITY__SERVICE_TOKEN"
    with Door(tmp_path / "identity", "identity", {name: "between the two of us"}) as identity:
        port = {"AUTH_MICROSERVICE_PORT": str(identity.tcp_port)}
        with Door(tmp_path / "one", "gateway", port | {name: "between the two of us"}) as gateway:
            assert gateway.register("ada@example.org").status == 201
        for wrong in (None, "guessed"):
            with Door(tmp_path / "other", "gateway", port | {name: wrong}) as gateway:
                answer = gateway.login("ada@example.org")
                assert (answer.status, answer.json["message"]) == (503, "the service token is missing or wrong")
        assert "between the two" not in identity.errors()


def test_identity_that_stands_still(pair):
    identity, gateway = pair
    gateway.register("slow@example.com")
    token = gateway.token("slow@example.com")
    os.kill(identity.process.pid, signal.SIGSTOP)
    try:
        millrace.wait_until(lambda: stands_still(identity.process.pid), what="all of its threads to stop")
        answer = in_time(lambda: gateway.me(token))
        assert (answer.status, answer.json["message"]) == (500, "Timeout has occurred")
    finally:
        os.kill(identity.process.pid, signal.SIGCONT)
    millrace.wait_until(lambda: gateway.me(token).status == 200, 10, what="recovery")


def test_identity_that_talks_garbage(tmp_path):
    def garbage(connection):
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n<html>")
        connection.close()

    with nest.FakeService(garbage) as fake:
        with Door(tmp_path / "none", "gateway", {"AUTH_MICROSERVICE_PORT": str(fake.port)}) as gateway:
            for _ in range(5):
                in_time(lambda: gateway.login("a@example.com"))


@pytest.mark.parametrize("err, status, message", [
    ("no", 500, "no"),
    ({"statusCode": 418, "message": "teapot"}, 418, "teapot"),
    ({"statusCode": "error", "message": "Internal server error"}, 500, "Internal server error"),
    ({"status": "error"}, 500, "An unexpected error occurred with a downstream service."),
    ({"statusCode": 200, "message": "fine"}, 500, "fine"),
    ({"statusCode": 400, "message": ["a", "b"]}, 400, ["a", "b"]),
])
def test_errors_of_another_identity_service_are_passed_on(tmp_path, err, status, message):
    def behave(connection):
        text = b""
        while chunk := connection.recv(4096):
            text += chunk
            if text.endswith(b"}"):
                number = json.loads(text.partition(b"#")[2])["id"]
                connection.sendall(nest.frame({"err": err, "isDisposed": True, "id": number}))
                text = b""

    with nest.FakeService(behave) as fake:
        with Door(tmp_path / "none", "gateway", {"AUTH_MICROSERVICE_PORT": str(fake.port)}) as gateway:
            answer = gateway.login("a@example.com")
            assert (answer.status, answer.json["message"]) == (status, message)


def test_a_stop_answers_what_was_begun(pair):
    identity, gateway = pair
    body = json.dumps({"email": "last@example.com", "password": PASSWORD}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(b"POST /auth/register HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(body))
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        gateway.process.terminate()
        client.sendall(body)
        assert client.recv(4096).startswith(b"HTTP/1.1 201")
    assert gateway.stop() == 0 and identity.stop() == 0


# Configuration -------------------------------------------------------------------------------------------------------

def start_error(tmp_path, roles=None, env=None, project=PROJECT):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JWT_", "AUTH_", "GATEWAY_"))}
    args = ["serve", "--project", str(project), "--data", str(tmp_path / "data"), "--port", "0"]
    result = subprocess.run([str(millrace.BINARY), *args, *(["--roles", roles] if roles else [])], timeout=30,
                            env={**environment, "AUTH_MICROSERVICE_PORT": "0", **(env or {})}, capture_output=True, text=True)
    assert result.returncode != 0 and result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("roles", ["gateway", "identity"])
def test_a_role_of_its_own_needs_the_secret(tmp_path, roles):
    assert "JWT_SECRET is not set" in start_error(tmp_path, roles)
    assert not (tmp_path / "data").exists()


def test_a_variable_that_is_wrong_is_named(tmp_path):
    assert "AUTH_MICROSERVICE_PORT" in start_error(tmp_path, env={"AUTH_MICROSERVICE_PORT": "many"})
    assert "LOG_LEVEL" in start_error(tmp_path, env={"LOG_LEVEL": "loud"})


def test_both_roles_together_make_a_secret_and_keep_it(tmp_path):
    data = tmp_path / "data"
    with Door(data, env={"JWT_SECRET": None}) as first:
        first.register("kept@example.com")
        token = first.token("kept@example.com")
    with Door(data, env={"JWT_SECRET": None}) as second:
        assert second.me(token).status == 200
        assert second.me(forge({"sub": "x", "exp": 2**33}, "")).json["message"] == "invalid signature"


def test_the_env_file_of_the_mode_is_read(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "millrace.yaml").write_text((PROJECT / "millrace.yaml").read_text())
    (project / ".env.test").write_text(f"JWT_SECRET='{SECRET}'\nJWT_EXPIRATION=120s\n")
    env = {"JWT_SECRET": None, "NODE_ENV": "test"}
    with Door(tmp_path / "data", env=env, project=project) as door:
        door.register("env@example.com")
        token = door.token("env@example.com")
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert claims["exp"] == claims["iat"] + 120
        assert door.me(forge(claims)).status == 200
    assert "JWT_SECRET is not set" in start_error(tmp_path, "gateway", {"NODE_ENV": "production"}, project)


def test_roles_are_for_projects_with_auth(shop, data):
    result = millrace.run("serve", "--project", shop, "--data", data, "--port", 0, "--roles", "gateway", check=False)
    assert result.returncode == 2 and "`auth`" in result.stderr


def test_users_is_a_name_that_is_taken(tmp_path):
    (tmp_path / "collections").mkdir()
    (tmp_path / "millrace.yaml").write_text("name: x\naccess: open\nauth: {style: r1}\n")
    (tmp_path / "collections" / "users.yaml").write_text("collection: users\nkey: id\nfields: {id: {type: text}}\n")
    text = millrace.run("check", "--project", tmp_path, check=False).stdout
    assert "millrace.yaml:3:15: expected one of r0" in text and "leave one of them out" in text
    (tmp_path / "millrace.yaml").write_text("name: x\nauth: {style: r0}\n")
    text = millrace.run("check", "--project", tmp_path, check=False).stdout
    assert "collections/users.yaml:1:13" in text and "users" in text


def test_a_backup_has_users_and_their_credentials(tmp_path):
    with Door(tmp_path / "data") as door:
        user = door.register("backup@example.com").json
        millrace.run("backup", tmp_path / "copy", "--data", tmp_path / "data")
    millrace.run("restore", tmp_path / "copy", "--data", tmp_path / "restored")
    with Door(tmp_path / "restored") as door:
        assert door.login("backup@example.com").json["user"] == user
