"""Users over kills: their live maps are what they may see, and nobody who saw his answers is turned away."""

import random
import threading
import time

import millrace
from accounts import PASSWORD, User, closed_project
from live import RECORD, Refused, Subscription
from test_live import GONE, RECORDS, Follower, Restarting, listed

ORDERS = """collection: orders
key: order_id
fields:
  order_id: {type: text}
  owner:    {type: text, required: true}
  shown:    {type: boolean, required: true}
  note:     text
rules:
  list: owner = auth.user_id or shown
  create: owner = auth.user_id
  update: owner = auth.user_id
  delete: owner = auth.user_id
"""
SETTINGS = ["--set", "identity.access_token=3s"]  # tokens end within the run
USERS = 5
KEYS = 20
ROUNDS = 10
UNKNOWN = "unknown"


class Session:
    """Somebody's tokens, refreshed at random and when they end. One whose last refresh had an answer is never turned away."""

    def __init__(self, user):
        self.user, self.lock, self.answered = user, threading.Lock(), True
        self.refreshed, self.logins, self.turned_away = 0, 0, []
        self.next = 0.0

    def refresh_at_random(self, port, dice):
        """By the clock, not by the step: a fast machine must not come near a session's hundred refreshes an hour."""
        if time.monotonic() >= self.next and self.refreshed < 60:
            self.next = time.monotonic() + dice.uniform(0.05, 0.5)
            self.refresh(port)

    def refresh(self, port):
        with self.lock:
            answered, self.answered = self.answered, False
            answer = millrace.Api(port, 10).post("/api/auth/refresh", {"refresh_token": self.user.refresh_token})
            if answer.status == 401 and not answered:  # spent by the refresh whose answer got lost
                answer = millrace.Api(port, 10).post("/api/auth/login", {"email": self.user.email, "password": PASSWORD})
                self.logins += 1
            if answer.status != 200:
                self.turned_away.append(f"{self.user.email}: {answer}")
                return
            self.user.token, self.user.refresh_token = answer.json["access_token"], answer.json["refresh_token"]
            self.answered, self.refreshed = True, self.refreshed + 1


class Owner(threading.Thread):
    """Writes records of its own, and remembers what was answered of each."""

    def __init__(self, server, session, seed):
        super().__init__()
        self.server, self.session, self.random, self.stop = server, session, random.Random(seed), False
        self.known = {f"{session.user.email}-{n}": None for n in range(KEYS)}
        self.acked, self.odd = 0, []

    def run(self):
        while not self.stop:
            api = millrace.Api(self.server.port, 10)
            try:
                while not self.stop:
                    self.step(api)
            except GONE:
                time.sleep(0.02)  # the server is down

    def step(self, api):
        self.session.refresh_at_random(api.port, self.random)
        key = self.random.choice(list(self.known))
        before, self.known[key] = self.known[key], UNKNOWN
        record = {"order_id": key, "owner": self.session.user.id, "shown": self.random.random() < 0.5,
                  "note": str(self.random.randrange(10**6))}
        if before is None:
            self.learn(key, record, api.post(RECORDS, record, self.session.user.headers), (201,))
        elif before == UNKNOWN or self.random.randrange(4) == 0:
            self.learn(key, None, api.delete(f"{RECORDS}/{key}", self.session.user.headers), (204, 404) if before == UNKNOWN else (204,))
        else:
            self.learn(key, record, api.put(f"{RECORDS}/{key}", record, self.session.user.headers), (200,))

    def learn(self, key, now, answer, expected):
        if answer.status == 401:  # nothing was done; what there was is asked for next time
            self.session.refresh(self.server.port)
        elif answer.status in expected:
            self.known[key] = now
            self.acked += 1
        else:
            self.odd.append(f"{key}: {answer}")

    def check(self, listed_now):
        for key, known in self.known.items():
            found = listed_now.get(key)
            assert known == UNKNOWN or (known is None) == (found is None), (key, known, found)
            assert known in (None, UNKNOWN) or all(found[name] == value for name, value in known.items()), (known, found)


class Onlooker(Follower):
    """A live subscriber with a token: sees what is its own or shown, and nothing else."""

    def __init__(self, server, session, websocket, seed):
        super().__init__(server, "", websocket, seed)
        self.session, self.foreign = session, []

    def connect(self):
        try:
            live = Subscription(self.server.port, "orders", "snapshot=true", self.mirror.last, self.websocket, timeout=1,
                                token=self.session.user.token)
        except Refused as refused:
            if refused.status == 401:
                self.session.refresh(self.server.port)
            raise
        take = live.next
        live.next = lambda: self.seen(take())
        return live

    def seen(self, message):
        if message.event == RECORD and message.data["owner"] != self.session.user.id and not message.data["shown"]:
            self.foreign.append(message)
        return message


def test_users_see_their_own_and_stay_signed_in_over_kills(tmp_path, data, seed):
    project, dice, place = closed_project(tmp_path / "project", {"orders": ORDERS}), random.Random(seed), Restarting()
    with millrace.Server(project, data, args=SETTINGS) as server:
        sessions = [Session(User(server.api, f"user-{n}@example.com")) for n in range(USERS)]
        server.kill()
    owners = [Owner(place, session, f"{seed}/{i}") for i, session in enumerate(sessions)]
    onlookers = [Onlooker(place, session, i % 2 == 1, f"{seed}/live/{i}") for i, session in enumerate(sessions * 2)]
    threads = [*owners, *onlookers]
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            with millrace.Server(project, data, args=SETTINGS) as server:
                place.port = server.port
                time.sleep(dice.uniform(0.2, 1.2))  # how long it lives is the random variable
                server.kill()
    finally:
        for thread in threads:
            thread.stop = True
        for thread in threads:
            thread.join()
    print(f"seed {seed}: {sum(one.acked for one in owners)} acknowledged, {sum(one.refreshed for one in sessions)} refreshes, "
          f"{sum(one.logins for one in sessions)} logins, {sum(one.connections for one in onlookers)} subscriptions")
    with millrace.Server(project, data, args=SETTINGS) as server:
        place.port = server.port
        for session in sessions:
            session.refresh(server.port)
            session.user.api = server.api
        assert not [what for session in sessions for what in session.turned_away]
        assert not [what for owner in owners for what in owner.odd]
        for owner in owners:
            owner.check(listed(owner.session.user, ""))
        for onlooker in onlookers:
            onlooker.finish()
            assert onlooker.mirror.records == listed(onlooker.session.user, "")
            assert not onlooker.foreign and onlooker.received > 0
    assert sum(one.acked for one in owners) > 10 * ROUNDS and sum(one.refreshed for one in sessions) > ROUNDS
    assert sum(one.connections for one in onlookers) > 3 * ROUNDS
