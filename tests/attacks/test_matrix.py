"""Every operation of /openapi.json x everyone who may not x the ids of somebody else: no canary leaves, nothing changes."""

import json

import pytest

import millrace
from accounts import PASSWORD, User, closed_project

CANARY = "canary-5d1f"
OWN = "owner = auth.user_id"
STAFF = "auth.role = 'staff' or auth.role = 'admin'"
NOTES = """
collection: notes
key: id
tenant: true
fields: {id: {type: text, generate: uuidv7}, text: {type: text}}
unique: [[text]]
rules: {list: STAFF, get: STAFF, create: STAFF, update: STAFF, delete: STAFF}
""".replace("STAFF", STAFF)
LETTERS = f"""
collection: letters
key: id
fields: {{id: {{type: text, generate: uuidv7}}, owner: {{type: text, required: true}}, text: {{type: text}}}}
rules:
  list: {OWN}
  get: {OWN}
  create: {OWN}
  update: {OWN}
  delete: {OWN}
"""
EVENTS = f"stream: events\ntenant: true\nfields: {{text: text}}\nrules: {{append: {STAFF}, read: {STAFF}}}\n"
CLICKS = f"stream: clicks\nfields: {{owner: text, text: text}}\nrules: {{append: {OWN}, read: {OWN}}}\n"
FLOW = f"""
pipeline: flow
from: {{changes: letters}}
sql: SELECT id, owner, text FROM changes
to:
  - table: {{name: posted, key: id, rules: {{list: {OWN}}}}}
  - lake: {{path: posted_history/, roll: {{rows: 1, every: 100ms}}, rules: {{list: {OWN}}}}}
"""


class Place:
    def __init__(self, root):
        self.project = closed_project(root / "project", {"notes": NOTES, "letters": LETTERS},
                                      pipelines={"flow": FLOW}, streams={"events": EVENTS, "clicks": CLICKS})
        self.data, self.password = root / "data", root / "password"
        self.password.write_text(PASSWORD + "\n")
        # Of somebody who could do everything here, a second long.
        with millrace.Server(self.project, self.data, env={"MILLRACE__IDENTITY__ACCESS_TOKEN": "1s"}) as server:
            self.expired = self.user(server.api, "past@example.com", "--tenant", "acme", "--role", "admin").headers
            millrace.wait_until(lambda: server.api.request("GET", "/api/auth/me", headers=self.expired).status == 401)

    def run(self, *args):
        return millrace.run(*args, "--data", self.data, "--project", self.project).stdout.strip()

    def user(self, api, email, *more):
        self.run("users", "add", email, "--password-file", self.password, *more)
        grant = api.post("/api/auth/login", {"email": email, "password": PASSWORD})
        assert grant.status == 200, grant
        return User(api, email, grant.json)


class Victim:
    """Ada of acme, with something of hers in every place."""

    def __init__(self, place, api):
        self.api, self.user = api, place.user(api, "ada@example.com", "--tenant", "acme", "--role", "staff")
        self.keys = {}
        self.make("notes", {"text": f"{CANARY} note"})
        self.make("letters", {"owner": self.user.id, "text": f"{CANARY} letter"})
        for stream, event in (("events", {}), ("clicks", {"owner": self.user.id})):
            body = {"event_id": f"{CANARY}-{stream}", "text": f"{CANARY} event", **event}
            answer = self.user.post(f"/api/streams/{stream}/events", body)
            assert answer.status == 201, answer
        for table in ("posted", "lake.posted_history"):
            millrace.wait_until(lambda: CANARY in str(self.see(f"/api/tables/{table}/rows")), what=f"her row in {table}")

    def make(self, collection, body):
        answer = self.user.post(f"/api/collections/{collection}/records", body)
        assert answer.status == 201, answer
        self.keys[collection] = answer.json["id"]

    def see(self, path):
        return self.user.get(path).body.decode()

    def all(self):
        """What she sees of what is hers."""
        lists = [f"/api/collections/{name}/records" for name in self.keys]
        lists += ["/api/streams/events/events", "/api/streams/clicks/events", "/api/tables/posted/rows", "/api/auth/me"]
        return [self.see(path) for path in lists]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def server(place):
    with millrace.Server(place.project, place.data) as running:
        yield running


@pytest.fixture(scope="module")
def victim(place, server):
    return Victim(place, server.api)


@pytest.fixture(scope="module")
def callers(place, server, victim):
    api = server.api
    left = place.user(api, "left@example.com", "--tenant", "acme")
    assert left.post("/api/auth/logout", {}).status == 204
    keys = {name: place.run("keys", "create", name, *more) for name, more in {
        "key of another tenant": ("--tenant", "other", "--role", "staff"),
        "key of nothing here": ("--tenant", "acme", "--role", "staff", "--scope", "elsewhere:read"),
        "admin's key of no tenant": ("--role", "admin",)}.items()}
    return {
        "nobody": {},
        "garbage": {"Authorization": "Bearer x.y.z"},
        "a token that is over": left.headers,
        "a token that is over by its time": place.expired,
        "another tenant": place.user(api, "bob@example.com", "--tenant", "other", "--role", "staff").headers,
        "no tenant": place.user(api, "eve@example.com", "--role", "staff").headers,
        "a lower role of her tenant": place.user(api, "low@example.com", "--tenant", "acme").headers,
        "an administrator of another tenant": place.user(
            api, "root@example.com", "--role", "admin", "--tenant", "other").headers,
        **{name: {"X-API-Key": key} for name, key in keys.items()},
    }


METHODS = ("get", "put", "post", "delete", "patch")
#: Somebody else's sign-up and login is what these are for; they name nobody else's ids.
OPEN = ("/api/auth/", "/.well-known/", "/openapi.json", "/api/docs", "/livez", "/readyz", "/health", "/metrics",
        "/version")


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item and path != "/api" and not path.startswith(OPEN):
                yield method.upper(), path, item[method]


def body_of(operation, victim):
    content = operation.get("requestBody", {}).get("content", {})
    example = content.get("application/json", {}).get("example")
    if not isinstance(example, dict):
        return None if not content else {}
    # Hers, as far as it can be said in a body.
    return {**example, **({"owner": victim.user.id} if "owner" in example else {})}


def paths_of(path, victim):
    """The path with her ids, and with ids that nobody has."""
    parts = path.split("/")
    collection = parts[3] if len(parts) > 3 else ""
    hers = path.replace("{key}", victim.keys.get(collection, "x")).replace("{collection}", "letters")
    hers = hers.replace("{stream}", "clicks").replace("{table}", "posted")
    return hers, path.replace("{key}", "absent").replace("{collection}", "letters") \
                     .replace("{stream}", "clicks").replace("{table}", "posted")


def shown(answer):
    return str(answer.headers) + answer.body.decode(errors="replace")


def test_no_operation_shows_or_changes_what_is_somebody_elses(server, victim, callers):
    api = server.api
    before = victim.all()
    document = api.get("/openapi.json").json
    asked = 0
    for method, path, operation in operations(document):
        if path.endswith("/records/live"):
            continue  # tests/e2e/test_access.py
        hers, absent = paths_of(path, victim)
        for caller, headers in callers.items():
            headers = {**headers, "If-Match": "*", "X-Request-Id": "same"}
            answer = api.request(method, hers, body_of(operation, victim), headers)
            what = f"{caller}: {method} {hers}: {answer}"
            assert answer.status < 500, what
            assert CANARY not in shown(answer), what
            if "garbage" in caller or "over" in caller:
                assert answer.status == 401, what
            if "{key}" in path:
                assert answer.status in (401, 403, 404), what
                other = api.request(method, absent, body_of(operation, victim), headers)
                assert (other.status, other.body.decode().replace("absent", "…")) == (
                    answer.status, answer.body.decode().replace(hers.rsplit("/", 1)[1], "…")), what
            asked += 1
    assert asked > 100, asked
    assert victim.all() == before


@pytest.mark.parametrize("query", [
    "text=eq.canary-5d1f%20note", "text=like.canary*", "order=text", "limit=1000", "id=not.is.null", "text=neq.x"])
def test_no_filter_reaches_across(server, victim, callers, query):
    for caller, headers in callers.items():
        for path in ("collections/notes/records", "collections/letters/records", "tables/posted/rows",
                     "tables/lake.posted_history/rows"):
            answer = server.api.request("GET", f"/api/{path}?{query}", headers=headers)
            assert answer.status < 500 and CANARY not in shown(answer), (caller, path, answer)


def test_what_she_holds_is_of_no_use_to_others(server, victim, callers):
    """Cursors, idempotency keys, unique values, event ids and keys of hers."""
    api = server.api
    for number in range(3):
        victim.make("letters", {"owner": victim.user.id, "text": f"{CANARY} {number}"})
    cursor = json.loads(victim.see("/api/collections/letters/records?limit=1"))["next_cursor"]
    key = {"Idempotency-Key": "hers"}
    body = {"id": f"{CANARY}-id", "text": f"{CANARY} unique"}
    made = api.post("/api/collections/notes/records", body, {**victim.user.headers, **key})
    assert made.status == 201, made
    other = callers["another tenant"]
    refused = api.request("GET", f"/api/collections/letters/records?limit=1&cursor={millrace.quote(cursor)}", headers=other)
    assert refused.status == 400 and CANARY not in shown(refused), refused
    # The same key, value and id are free in another tenant: it cannot be told that they are taken here.
    mine = api.post("/api/collections/notes/records", {**body, "text": "mine"}, {**other, **key})
    assert mine.status == 201 and mine.json["text"] == "mine" and "idempotent-replayed" not in mine.headers, mine
    event = api.post("/api/streams/events/events", {"event_id": f"{CANARY}-events", "text": "mine"}, other)
    assert event.status == 201 and event.json["duplicate"] is False, event
    assert victim.user.get(made.headers["location"]).json["text"] == f"{CANARY} unique"


def test_metrics_and_log_name_nothing_of_hers(server, victim):
    assert CANARY not in server.api.get("/metrics").body.decode()
    assert CANARY not in server.errors()
