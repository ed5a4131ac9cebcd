"""examples/notifications: what is created for a user is on his open connections within a second, and on nobody else's."""

import shutil
import socket
import time

import pytest

import live
import millrace
from accounts import User

RECORDS = "/api/collections/notifications/records"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("notifications")
    shutil.copytree(millrace.ROOT / "examples" / "notifications", root / "project")
    return root


@pytest.fixture(scope="module")
def server(place):
    with millrace.Server(place / "project", place / "data") as running:
        yield running


@pytest.fixture(scope="module")
def notify(place, server):
    created = millrace.run("keys", "create", "backend", "--role", "notifier", "--scope", "notifications:write",
                           "--project", place / "project", "--data", place / "data")
    key = {"X-API-Key": created.stdout.strip()}

    def send(user, title):
        answer = server.api.post(RECORDS, {"user_id": user.id, "title": title}, key)
        assert answer.status == 201, answer
        return answer.json

    send.key = key
    return send


def follow(server, user, **more):
    return live.Subscription(server.api.port, "notifications", token=user.token, **more)


@pytest.mark.parametrize("websocket", [False, True], ids=["server-sent", "websocket"])
def test_a_notification_is_on_its_users_sockets_within_a_second(server, notify, websocket):
    ada, bob = (User(server.api, f"{name}-{websocket}@example.com") for name in ("ada", "bob"))
    with follow(server, ada, websocket=websocket) as phone, follow(server, ada) as desk, follow(server, bob) as other:
        for round in range(5):
            begun = time.monotonic()
            made = notify(ada, f"parcel {round}")
            for device in (phone, desk):
                message = device.next()
                assert (message.event, message.data) == (live.RECORD, made)
            assert time.monotonic() - begun < 1
        answer = server.api.request("PATCH", f"{RECORDS}/{made['id']}", {"read": True}, ada.headers)
        assert answer.status == 200 and phone.next().data["read"] is desk.next().data["read"] is True
        notify(bob, "yours")
        # The first thing that bob ever gets: nothing of ada came before it.
        assert other.next().data["title"] == "yours"
        phone.socket.settimeout(0.3)
        with pytest.raises((TimeoutError, socket.timeout)):
            phone.next()


def test_who_was_away_gets_what_he_missed_and_nothing_else(server, notify):
    eve, mallory = User(server.api, "eve@example.com"), User(server.api, "mallory@example.com")
    with follow(server, eve) as phone:
        notify(eve, "before")
        last = phone.next().id
    notify(mallory, "not hers")
    missed = notify(eve, "while away")
    with follow(server, eve, last=last) as phone:
        assert phone.next().data == missed
    # Somebody else with her last id begins anew, with his own.
    with follow(server, mallory, last=last) as other:
        messages = other.until_event(live.READY)
        assert messages[0].event == live.RESET
        assert [one.data["title"] for one in messages if one.event == live.RECORD] == ["not hers"]


def test_nobody_else_may(server, notify):
    ada, bob = User(server.api, "a@example.com"), User(server.api, "b@example.com")
    made = notify(ada, "canary")
    assert server.api.post(RECORDS, {"user_id": bob.id, "title": "forged"}, ada.headers).status == 403
    assert bob.get(f"{RECORDS}/{made['id']}").status == 404
    assert server.api.request("PATCH", f"{RECORDS}/{made['id']}", {"read": True}, bob.headers).status == 404
    assert bob.get(RECORDS).json["items"] == []
    assert server.api.request("GET", RECORDS, headers=notify.key).status == 403  # the key writes alone
    moved = server.api.request("PATCH", f"{RECORDS}/{made['id']}", {"user_id": bob.id}, ada.headers)
    assert moved.status == 403
    with pytest.raises(live.Refused) as refused:
        live.Subscription(server.api.port, "notifications", token="nonsense")
    assert refused.value.status == 401
