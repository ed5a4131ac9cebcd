"""A page that can send no header follows a closed collection with a ticket, once."""

import time

import pytest

import live
import millrace
from accounts import User, closed_project

NOTES = """
collection: notes
key: id
fields: {id: {type: text}, owner: {type: text}}
rules: {create: owner = auth.user_id, list: owner = auth.user_id}
"""
URL = "/api/collections/notes/records"


def test_a_ticket_stands_for_its_user_once(tmp_path):
    with millrace.Server(closed_project(tmp_path / "project", {"notes": NOTES}), tmp_path / "data") as server:
        ada, bob = User(server.api, "ada@example.com"), User(server.api, "bob@example.com")
        assert ada.post(URL, {"id": "a", "owner": ada.id}).status == 201
        assert bob.post(URL, {"id": "b", "owner": bob.id}).status == 201
        given = ada.post("/api/auth/ticket", {})
        assert given.status == 201 and given.json["expires_in"] == 30 and given.headers["cache-control"] == "no-store"
        ticket = given.json["ticket"]
        query = f"snapshot=true&_ticket={ticket}"
        with live.Subscription(server.port, "notes", query) as stream:
            assert [(m.event, m.data.get("id")) for m in stream.take(2)] == [("record", "a"), ("ready", None)]
            # The connection has the rights of its token, and ends with them: here, before the next message.
            assert ada.post("/api/auth/logout", {}).status == 204
            ada_again = ada.log_in()
            millrace.wait_until(lambda: ada.get("/api/auth/me").status == 401)
            time.sleep(0.3)
            assert ada_again.post(URL, {"id": "late", "owner": ada.id}).status == 201
            with pytest.raises(live.Closed):
                stream.next()
        again = server.api.get(f"{URL}/live?_ticket={ticket}")
        assert again.status == 401, again
        assert server.api.get(f"{URL}/live?_ticket=guessed").status == 401
        assert server.api.post("/api/auth/ticket", {}).status == 401
        # It opens what is live, nothing else.
        ticket = bob.post("/api/auth/ticket", {}).json["ticket"]
        assert server.api.get(f"{URL}?_ticket={ticket}").status == 400
