"""The audit log when the server is killed: what it promises of sign-ins, and of writes."""

import http.client
import random
import threading
import time

import millrace
from accounts import PASSWORD, User, closed_project

GONE = (OSError, http.client.HTTPException)
ROUNDS = 3
#: What an event of a write may wait for: 50 ms, and the appends before it. Far more, for a busy machine.
SOON = 2.0
ORDERS = """
collection: orders
key: order_id
fields: {order_id: text, n: bigint}
rules: {create: "auth.user_id is not null"}
"""
SETTINGS = "audit: true\nsettings: {identity: {sign_ups: 100000, account_failures: 100000, address_failures: 100000}}\n"


class Client(threading.Thread):
    """Writes records, or logs in, until the server is gone: what was answered, and when."""

    def __init__(self, port, name, work):
        super().__init__()
        self.api, self.name, self.work, self.answered = millrace.Api(port), name, work, []

    def run(self):
        try:
            while True:
                done = self.work(self, len(self.answered))
                if done:
                    self.answered.append((done, time.monotonic()))
        except GONE:
            return


def write(user):
    def work(client, n):
        key = f"{client.name}-{n}"
        answer = client.api.post("/api/collections/orders/records", {"order_id": key, "n": n}, user.headers)
        assert answer.status == 201, answer
        return key
    return work


def log_in(client, _):
    answer = client.api.post("/api/auth/login", {"email": "ada@example.com", "password": PASSWORD})
    if answer.status == 503:  # too many wait for a hash
        return None
    assert answer.status == 200, answer
    return User(client.api, "ada@example.com", answer.json).claims["sid"]


def test_answered_sign_ins_are_in_it_and_writes_but_the_last(tmp_path, seed):
    project = closed_project(tmp_path / "project", {"orders": ORDERS}, SETTINGS)
    dice, data, user, signed_in, written = random.Random(seed), tmp_path / "data", None, [], []
    for number in range(ROUNDS):
        with millrace.Server(project, data) as server:
            user = user or User(server.api, "ada@example.com")
            clients = [Client(server.port, f"r{number}-{i}", write(user)) for i in range(2)]
            clients += [Client(server.port, f"l{number}", log_in)]
            for client in clients:
                client.start()
            time.sleep(SOON + dice.random())
            killed = time.monotonic()
            server.kill()
            for client in clients:
                client.join()
            signed_in += [sid for sid, _ in clients[2].answered]
            written += [([key for key, _ in client.answered],
                         {key for key, at in client.answered if at < killed - SOON / 2}) for client in clients[:2]]
        check(data, signed_in, written)
    assert len(signed_in) > ROUNDS and sum(len(sure) for _, sure in written) > ROUNDS


def check(data, signed_in, written):
    log = [one["event"]["after"] for one in millrace.log_events(data, "audit")]
    ids = [one["event_id"] for one in log]
    assert len(ids) == len(set(ids))
    logins = {one["resource_id"] for one in log if one["action"] == "login"}
    assert set(signed_in) <= logins, f"seen by a client, and not in the log: {set(signed_in) - logins}"
    created = [one["resource_id"] for one in log if one["action"] == "create"]
    assert len(created) == len(set(created))
    for answered, sure in written:
        there = [key for key in created if key in set(answered)]
        assert there == answered[:len(there)], "a gap: not only the last ones are missing"
        assert sure <= set(there), f"answered long before the kill: {sure - set(there)}"
