"""Access rules of a closed project at every kind of route, and connections that outlive their rights."""

import pytest

import live
import millrace
from accounts import PASSWORD, User, closed_project

OWN = "owner = auth.user_id or auth.role = 'admin'"
LETTERS = f"""
collection: letters
key: id
fields: {{id: {{type: text, generate: uuidv7}}, owner: {{type: text, required: true}}, text: text}}
rules: {{list: "{OWN}", get: "{OWN}", create: "{OWN}", delete: "{OWN}"}}
"""
CLICKS = f"""
stream: clicks
fields: {{owner: text, text: text}}
rules: {{append: owner = auth.user_id, read: "{OWN}"}}
"""
FLOW = f"""
pipeline: flow
from: {{changes: letters}}
sql: SELECT id, owner, text FROM changes
to:
  - table: {{name: letters, key: id, rules: {{list: "{OWN}"}}}}
  - lake: {{path: history/, roll: {{rows: 1, every: 100ms}}}}
"""
LIMITS = "limits: [{name: each_user, requests: 30, every: 60s, per: user}]\n"


class Place:
    def __init__(self, root):
        self.project = closed_project(root / "project", {"letters": LETTERS}, pipelines={"flow": FLOW},
                                      streams={"clicks": CLICKS},
                                      settings="settings: {live: {heartbeat: 500ms}}\n" + LIMITS)
        self.data, self.password = root / "data", root / "password"
        self.password.write_text(PASSWORD + "\n")

    def run(self, *args):
        return millrace.run(*args, "--data", self.data, "--project", self.project).stdout.strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("access"))


@pytest.fixture(scope="module")
def server(place):
    with millrace.Server(place.project, place.data) as running:
        yield running


def letter(user, text):
    answer = user.post("/api/collections/letters/records", {"owner": user.id, "text": text})
    assert answer.status == 201, answer
    return answer


def follow(server, user, **more):
    return live.Subscription(server.api.port, "letters", token=user.token, **more)


def test_tables_and_streams_have_their_rules(server):
    ada, bob = User(server.api, "ada@example.com"), User(server.api, "bob@example.com")
    position = letter(ada, "secret").headers["x-millrace-position"]
    rows = ada.get(f"/api/tables/letters/rows?at_least={position}")
    assert [row["text"] for row in rows.json["items"]] == ["secret"], rows
    assert bob.get("/api/tables/letters/rows").json["items"] == []
    assert ada.get("/api/tables/lake.history/rows").status == 403
    assert [table["table"] for table in ada.get("/api/tables").json["items"]] == ["letters"]
    assert server.api.get("/api/tables").json["items"] == []
    assert ada.post("/api/streams/clicks/events", {"owner": ada.id}).status == 201
    assert ada.post("/api/streams/clicks/events", {"owner": bob.id}).status == 403
    assert len(ada.get("/api/streams/clicks/events").json["items"]) == 1
    assert bob.get("/api/streams/clicks/events").json["items"] == []


def test_scopes_narrow_a_key(place, server):
    key = {"X-API-Key": place.run("keys", "create", "reader", "--role", "admin", "--scope", "letters:read")}
    assert server.api.get("/api/collections/letters/records", **key).status == 200
    assert server.api.get("/api/tables/letters/rows", **key).status == 200
    assert server.api.get("/api/streams/clicks/events", **key).status == 403
    refused = server.api.post("/api/collections/letters/records", {"owner": "x"}, key)
    assert refused.status == 403 and "scopes" in refused.json["detail"], refused


@pytest.mark.parametrize("websocket", [False, True], ids=["server-sent", "websocket"])
def test_a_connection_ends_with_its_session(server, websocket):
    cid = User(server.api, f"cid-{websocket}@example.com")
    other = cid.log_in()
    with follow(server, cid, websocket=websocket) as line:
        letter(other, "one")
        last = line.next().id
        assert cid.post("/api/auth/logout", {}).status == 204
        with pytest.raises(live.Closed):
            while True:
                line.next()
    missed = letter(other, "two").json
    with follow(server, other, last=last) as line:
        assert line.next().data == missed, "the same rights go on where the other ended"


def test_another_role_ends_it_and_begins_anew(place, server):
    dan = User(server.api, "dan@example.com")
    letter(dan, "mine")
    with follow(server, dan) as line:
        letter(dan, "more")
        last = line.next().id
        place.run("users", "set", dan.email, "--role", "admin")
        with pytest.raises(live.Closed):
            while True:
                line.next()
    again = User(server.api, dan.email, server.api.post(
        "/api/auth/login", {"email": dan.email, "password": PASSWORD}).json)
    with follow(server, again, last=last) as line:
        messages = line.until_event(live.READY)
        assert messages[0].event == live.RESET
        assert {one.data["text"] for one in messages if one.event == live.RECORD} >= {"mine", "more"}


def test_a_user_is_counted_wherever_he_asks_from(server):
    eve, flo = User(server.api, "eve@example.com"), User(server.api, "flo@example.com")
    answers = [eve.get("/api/auth/me") for _ in range(31)]
    assert [one.status for one in answers] == [200] * 30 + [429], answers
    assert answers[-1].headers["retry-after"] and answers[0].headers["ratelimit"]
    assert flo.get("/api/auth/me").status == 200
