"""Forged, borrowed and worn-out credentials, and guessed passwords: refused alike, and not for long."""

import base64
import concurrent.futures
import hashlib
import hmac
import json
import sqlite3
import time

import pytest

import ed25519
import millrace
from accounts import PASSWORD, User, closed_project

ORDERS = """
collection: orders
key: order_id
fields:
  order_id: {type: text, generate: uuidv7}
  owner:    {type: text, required: true}
rules: {list: owner = auth.user_id, create: owner = auth.user_id}
"""
RECORDS = "/api/collections/orders/records"
SETTINGS = "trusted_proxies: [192.0.2.0/24]\nsettings: {identity: {account_failures: 5, address_failures: 30, sign_ups: 1000}}\n"


def text(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("tokens")
    with millrace.Server(closed_project(root / "project", {"orders": ORDERS}, SETTINGS), root / "data") as running:
        yield running
        assert running.stop() == 0, running.errors()


@pytest.fixture(scope="module")
def ada(server):
    return User(server.api, "ada@example.com")


class Forge:
    """Makes tokens from a real one: with its parts, with other keys, and with the server's own stolen key."""

    def __init__(self, user, data):
        self.head, self.body, self.signature = user.token.split(".")
        self.claims = user.claims
        self.header = json.loads(base64.urlsafe_b64decode(self.head + "=="))
        with sqlite3.connect(f"file:{data}/identity.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT state, kid, private FROM signing_keys").fetchall()
        self.keys = {state: (kid, base64.urlsafe_b64decode(private + "==")) for state, kid, private in rows}

    def signed(self, claims=None, header=None, state="active", raw=None):
        """With the server's key: what is wrong must be seen in what it says."""
        kid, private = self.keys[state]
        header = text(json.dumps(header or {"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}, separators=(",", ":")))
        body = text(raw if raw is not None else json.dumps(claims))
        return f"{header}.{body}.{text(ed25519.sign(private, f'{header}.{body}'.encode()))}"

    def with_claims(self, **changed):
        claims = {**self.claims, **changed}
        return self.signed({name: value for name, value in claims.items() if value is not ...})

    def with_header(self, signature=None, **changed):
        header = {**self.header, **changed}
        return f"{text(json.dumps(header))}.{self.body}.{self.signature if signature is None else signature}"

    def hmac_with(self, key, **header):
        head = text(json.dumps({**self.header, **header}))
        return f"{head}.{self.body}.{text(hmac.new(key, f'{head}.{self.body}'.encode(), hashlib.sha256).digest())}"


def forged(forge):
    now = int(time.time())
    _, private = forge.keys["active"]
    other = hashlib.sha256(b"another key").digest()
    public = base64.urlsafe_b64decode(forge.header["kid"] + "==")
    whole = f"{forge.head}.{forge.body}"
    yield from {
        "alg none": forge.with_header(alg="none", signature=""), "alg None": forge.with_header(alg="None", signature=""),
        "alg nOnE": forge.with_header(alg="nOnE", signature=""), "alg missing": forge.with_header(alg=None),
        "alg HS256 with the public key": forge.hmac_with(public, alg="HS256"),
        "alg HS256 with nothing": forge.hmac_with(b"", alg="HS256"),
        "alg ES256, r = s = 0": forge.with_header(alg="ES256", signature=text(bytes(64))),
        "alg RS256": forge.with_header(alg="RS256"),
        "signature empty": f"{whole}.", "signature {}": f"{whole}.{text('{}')}", "signature of zeros": f"{whole}.{text(bytes(64))}",
        "signature cut": f"{whole}.{forge.signature[:-1]}", "signature padded": f"{whole}.{forge.signature}==",
        "signature with another last digit": f"{whole}.{forge.signature[:-1]}{'B' if forge.signature[-1] == 'A' else 'A'}",
        "signed by somebody": f"{whole}.{text(ed25519.sign(other, whole.encode()))}",
        "header jwk": forge.with_header(jwk={"kty": "OKP", "crv": "Ed25519", "x": text(other)}),
        "header jku": forge.with_header(jku="http://127.0.0.1:9/keys"), "header x5u": forge.with_header(x5u="http://127.0.0.1:9/c"),
        "header x5c": forge.with_header(x5c=["AA=="]), "header crit": forge.with_header(crit=["exp"]),
        "kid path": forge.with_header(kid="../../../../dev/null"), "kid sql": forge.with_header(kid="' OR 1=1 --"),
        "kid NUL": forge.with_header(kid="a\0b"), "kid unknown": forge.with_header(kid="unknown"),
        "kid long": forge.with_header(kid="k" * 3000), "kid missing": forge.with_header(kid=None),
        "two dots": "..", "one dot": f"{forge.head}.{forge.body}", "four parts": f"{whole}.{forge.signature}.x", "nothing": "x",
        "unicode digits": f"{forge.head}.{forge.body}.\u00e9{forge.signature}", "standard base64": f"{whole}.+/{forge.signature[2:]}",
        "body changed": f"{forge.head}.{text(json.dumps({**forge.claims, 'role': 'admin'}))}.{forge.signature}",
        # From here on signed with the server's own key.
        "typ JWT": forge.signed(forge.claims, {**forge.header, "typ": "JWT"}),
        "crit, signed": forge.signed(forge.claims, {**forge.header, "crit": ["x"]}),
        "kid of another key": forge.signed(forge.claims, {**forge.header, "kid": forge.keys["standby"][0]}),
        "iss of another place": forge.with_claims(iss="urn:millrace:other"), "iss missing": forge.with_claims(iss=...),
        "aud of another project": forge.with_claims(aud="other"), "aud an array": forge.with_claims(aud=[forge.claims["aud"]]),
        "exp missing": forge.with_claims(exp=...), "exp past": forge.with_claims(exp=now - 1),
        "exp text": forge.with_claims(exp=str(now + 600)), "exp null": forge.with_claims(exp=None),
        "exp 1e400": forge.signed(raw=json.dumps(forge.claims).replace(str(forge.claims["exp"]), "1e400")),
        "exp fraction": forge.with_claims(exp=now + 0.5), "iat future": forge.with_claims(iat=now + 3600, exp=now + 7200),
        "iat missing": forge.with_claims(iat=...), "sub missing": forge.with_claims(sub=...),
        "sub of nobody": forge.with_claims(sub="018bcfe5-6800-7000-8000-000000000000"), "sid missing": forge.with_claims(sid=...),
        "not an object": forge.signed(raw="[]"), "not JSON": forge.signed(raw="{"), "not UTF-8": forge.signed(raw=b'{"iss":"\xff"}'),
    }.items()


def test_every_forged_token_is_refused_in_the_same_words(server, ada):
    forge = Forge(ada, server.data)
    assert server.api.get("/api/auth/me", Authorization="Bearer " + forge.signed(forge.claims)).status == 200, "the forge works"
    tokens = list(forged(forge))
    assert len(tokens) > 50
    answers = {}
    for name, token in tokens:
        for path in ("/api/auth/me", RECORDS):
            answer = server.api.request("GET", path, headers={"Authorization": ("Bearer " + token).encode(),
                                                              "X-Request-Id": "same"})
            assert answer.status == 401, (name, answer)
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', name
            answers.setdefault(path, set()).add(answer.body)
    assert all(len(bodies) == 1 for bodies in answers.values()), answers


def test_credentials_of_another_kind_are_refused(server, ada):
    key = millrace.run("keys", "create", "program", "--data", server.data).stdout.strip()
    prefix, secret = key.rsplit("_", 1)[0], key.split("_", 2)[2]
    assert server.api.get(RECORDS, **{"X-API-Key": key}).status == 200
    bad = [{"Authorization": value} for value in
           (ada.token, f"Basic {text('ada@example.com:' + PASSWORD)}", "Bearer", "Bearer ", f"Bearer {ada.refresh_token}",
            f"Bearer {key[:-1]}", f"Bearer {prefix}_", f"Bearer mr_{'0' * 12}_{secret}", "Bearer mr_", f"Bearer {key} {key}x")]
    bad += [{"X-API-Key": key + "A"}, {"X-API-Key": ada.refresh_token}, {"Authorization": f"Bearer {ada.token}", "X-API-Key": key}]
    for headers in bad:
        answer = server.api.request("GET", RECORDS, headers=headers)
        assert answer.status == 401, (headers, answer)


def test_a_token_of_a_key_that_was_dropped_is_refused(server, ada):
    user = User(server.api, "rotated@example.com")
    millrace.run("tokens", "rotate", "--data", server.data)
    assert user.get("/api/auth/me").status == 200, "the old key is still believed"
    assert user.log_in().get("/api/auth/me").status == 200
    millrace.run("tokens", "rotate", "--drop", "--data", server.data)
    assert user.get("/api/auth/me").status == 401
    assert user.log_in().get("/api/auth/me").status == 200


def test_a_stolen_refresh_token_is_worth_one_answer(server):
    user = User(server.api, "robbed@example.com")
    thief = server.api.post("/api/auth/refresh", {"refresh_token": user.refresh_token}, {"User-Agent": "thief"})
    assert thief.status == 200
    assert server.api.post("/api/auth/refresh", {"refresh_token": user.refresh_token}).status == 401
    late = server.api.post("/api/auth/refresh", {"refresh_token": thief.json["refresh_token"]}, {"User-Agent": "thief"})
    assert late.status == 401, "the session is over for both"
    assert server.api.get("/api/auth/me", Authorization=f"Bearer {thief.json['access_token']}").status == 401


def guess(server, email, n, client, **headers):
    """Wrong passwords one after the other; the statuses."""
    return [server.api.post("/api/auth/login", {"email": email, "password": f"guess {i}"},
                            {"X-Forwarded-For": client, **headers}) for i in range(n)]


@pytest.fixture
def fresh(tmp_path):
    """Counters of its own, behind a proxy on this machine that is believed."""
    settings = SETTINGS.replace("192.0.2.0/24", "127.0.0.0/8")
    with millrace.Server(closed_project(tmp_path / "project", {"orders": ORDERS}, settings), tmp_path / "data") as running:
        yield running


def test_guessing_is_limited_by_account_and_address(fresh):
    user = User(fresh.api, "victim@example.com")
    answers = guess(fresh, "victim@example.com", 8, "198.51.100.1")
    assert [answer.status for answer in answers] == [401] * 5 + [429] * 3
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60 and answers[-1].json["type"] == "urn:millrace:error:rate_limited"
    for email in ("VICTIM@example.com", "Victim@Example.Com"):
        assert guess(fresh, email, 1, "198.51.100.1")[0].status == 429, "case is no way round"
    right = {"email": "victim@example.com", "password": PASSWORD}
    assert fresh.api.post("/api/auth/login", right, {"X-Forwarded-For": "198.51.100.1"}).status == 429
    assert fresh.api.post("/api/auth/login", right, {"X-Forwarded-For": "198.51.100.2"}).status == 200, "nobody else is locked out"
    assert user.get("/api/auth/me").status == 200


def test_one_address_cannot_try_every_account(fresh):
    statuses = [guess(fresh, f"user{i}@example.com", 1, "2001:db8::1")[0].status for i in range(32)]
    assert statuses == [401] * 30 + [429] * 2
    assert guess(fresh, "other@example.com", 1, "2001:db8::ffff:1")[0].status == 429, "a household's /64 is one"
    assert guess(fresh, "other@example.com", 1, "2001:db8:1::1")[0].status == 401


def test_logins_of_no_account_count_for_their_address_and_push_nobody_out(fresh):
    assert guess(fresh, "victim@example.com", 6, "198.51.100.7")[-1].status == 429
    flood = [guess(fresh, "x" * 60_000 + str(i), 1, "198.51.100.8")[0].status for i in range(32)]
    assert flood == [400] * 30 + [429] * 2
    assert guess(fresh, "victim@example.com", 1, "198.51.100.7")[0].status == 429


def test_headers_of_a_client_that_is_no_proxy_are_no_way_round(server):
    """The trusted network is another one: X-Forwarded-For is the client's own claim."""
    answers = [guess(server, "spoofed@example.com", 1, f"203.0.113.{i}", Forwarded=f"for=203.0.113.{i}")[0].status
               for i in range(8)]
    assert answers == [401] * 5 + [429] * 3


def test_many_guesses_at_a_time_are_not_more(fresh):
    def one(i):
        return millrace.Api(fresh.port).post("/api/auth/login", {"email": "at@once.example", "password": f"guess {i}"}).status

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(one, range(24)))
    assert statuses.count(401) == 5 and statuses.count(429) == 19, statuses


def test_a_login_that_succeeds_is_not_counted(fresh):
    User(fresh.api, "often@example.com")
    right = {"email": "often@example.com", "password": PASSWORD}
    assert all(fresh.api.post("/api/auth/login", right).status == 200 for _ in range(8))


def test_a_flood_of_logins_starves_nobody_else(tmp_path):
    """More logins than are hashed: what is too much is 503, and reads go on meanwhile."""
    settings = "settings: {identity: {hash_queue: 4, account_failures: 100000, address_failures: 100000}}\n"
    with millrace.Server(closed_project(tmp_path / "project", {"orders": ORDERS}, settings), tmp_path / "data") as server:
        user = User(server.api, "calm@example.com")

        def one(i):
            return millrace.Api(server.port).post("/api/auth/login", {"email": f"{i % 3}@example.com", "password": "x"}).status

        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            flood = [pool.submit(one, i) for i in range(120)]
            reads = [user.get(RECORDS).status for _ in range(50)]
            statuses = {answer.result() for answer in flood}
        assert reads == [200] * 50
        assert statuses == {401, 503}, statuses
        assert user.log_in().get("/api/auth/me").status == 200
