"""Users who sign up, refresh and log out while the server is killed: what was answered is so, whatever happens."""

import http.client
import random
import threading
import time

import millrace
from accounts import PASSWORD, closed_project

GONE = (OSError, http.client.HTTPException)
ROUNDS = 4
SETTINGS = "settings: {identity: {sign_ups: 100000, account_failures: 100000, address_failures: 100000}}\n"


class Client(threading.Thread):
    """Signs up under new addresses, refreshes or ends what it got; what had no answer is kept apart."""

    def __init__(self, port, name):
        super().__init__()
        self.api, self.name = millrace.Api(port), name
        self.open, self.ended, self.unknown, self.unsure = {}, [], [], []

    def run(self):
        n = 0
        try:
            while True:
                n += 1
                self.one(f"{self.name}-{n}@example.com", n)
        except GONE:
            return

    def one(self, email, n):
        self.unknown.append(email)
        answer = self.api.post("/api/auth/sign-up", {"email": email, "password": PASSWORD})
        if answer.status == 503:  # too many wait for a hash
            return
        assert answer.status == 201, answer
        self.unknown.remove(email)
        self.open[email] = answer.json["refresh_token"]
        if n % 3 == 0:
            self.unsure.append(email)
            answer = self.api.post("/api/auth/refresh", {"refresh_token": self.open[email]})
            assert answer.status == 200, answer
            self.open[email] = answer.json["refresh_token"]
            self.unsure.remove(email)
        if n % 4 == 0:
            self.unsure.append(email)
            assert self.api.post("/api/auth/revoke", {"token": self.open[email]}).status == 200
            self.ended.append(self.open.pop(email))
            self.unsure.remove(email)


def test_answered_sign_ups_refreshes_and_logouts_survive_kills(tmp_path, seed):
    project = closed_project(tmp_path / "project", {}, SETTINGS)
    dice, data, acknowledged = random.Random(seed), tmp_path / "data", 0
    for number in range(ROUNDS):
        with millrace.Server(project, data) as server:
            clients = [Client(server.port, f"r{number}-{i}") for i in range(4)]
            for client in clients:
                client.start()
            time.sleep(0.5 + dice.random() * 1.5)
            server.kill()
            for client in clients:
                client.join()
        with millrace.Server(project, data) as server:
            for client in clients:
                acknowledged += len(client.open) + len(client.ended)
                check(server.api, client)
            assert server.stop() == 0
    assert acknowledged > ROUNDS


def check(api, client):
    for email, token in client.open.items():
        if email in client.unsure:
            continue
        answer = api.post("/api/auth/refresh", {"refresh_token": token})
        assert answer.status == 200 and answer.json["user"]["email"] == email, (email, answer)
    for token in client.ended:
        assert api.post("/api/auth/refresh", {"refresh_token": token}).status == 401
    for email in [*client.unknown, *list(client.open)[:2]]:
        logged_in = api.post("/api/auth/login", {"email": email, "password": PASSWORD})
        if logged_in.status == 401 and email in client.unknown:  # it never was: the address is free
            logged_in = api.post("/api/auth/sign-up", {"email": email, "password": PASSWORD})
            assert logged_in.status == 201, logged_in
        assert logged_in.status in (200, 201), (email, logged_in)
