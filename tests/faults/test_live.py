"""Live subscribers that come and go while the server is killed: their maps are its state, without one reset."""

import http.client
import random
import threading
import time

import millrace
from live import READY, Closed, Mirror, Refused, Subscription

RECORDS = "/api/collections/orders/records"
FILTERS = ["", "amount=gte.50", "customer_id=in.(c1,c2)&note=is.null", "note=ilike.A*"]
KEYS = 200
ROUNDS = 8
GONE = (OSError, http.client.HTTPException, Closed, Refused)


class Writer(threading.Thread):
    """Creates, changes and deletes at random; what happened to a write that had no answer does not matter here."""

    def __init__(self, port, seed):
        super().__init__()
        self.port, self.random, self.stop, self.acked = port, random.Random(seed), False, 0

    def run(self):
        api = millrace.Api(self.port)
        while not self.stop:
            try:
                self.write(api)
                self.acked += 1
            except GONE:
                return

    def write(self, api):
        key = f"k{self.random.randrange(KEYS)}"
        record = {"customer_id": f"c{self.random.randrange(4)}", "op": "x", "amount": self.random.randrange(100),
                  "note": self.random.choice([None, "abc", "Abc", "xyz"])}
        kind = self.random.randrange(4)
        if kind == 0:
            api.delete(f"{RECORDS}/{key}")
        elif kind == 1:
            api.put(f"{RECORDS}/{key}", record)
        else:
            api.post(RECORDS, {"order_id": key, **record})


class Follower(threading.Thread):
    """One client over all its connections: it goes at random, also in the middle of its snapshot."""

    def __init__(self, server, query, websocket, seed):
        super().__init__()
        self.server, self.query, self.websocket, self.random = server, query, websocket, random.Random(seed)
        self.mirror, self.stop, self.connections, self.received = Mirror("order_id"), False, 0, 0

    def connect(self):
        query = self.query + "&snapshot=true" if self.query else "snapshot=true"
        return Subscription(self.server.port, "orders", query, self.mirror.last, self.websocket, timeout=1)

    def run(self):
        while not self.stop:
            try:
                with self.connect() as live:
                    self.connections += 1
                    for _ in range(self.random.randrange(150)):
                        self.mirror.apply(live.next())
                        self.received += 1
            except GONE:
                time.sleep(0.02)  # the server is down, or has nothing to say

    def finish(self):
        """To the end of what there is."""
        with self.connect() as live:
            while True:
                message = live.next()
                self.mirror.apply(message)
                if message.event == READY:
                    return


def listed(api, query):
    items, cursor = [], ""
    while cursor is not None:
        page = api.get(f"{RECORDS}?{query}&limit=1000{cursor}".replace("?&", "?")).json
        items += page["items"]
        cursor = "&cursor=" + page["next_cursor"] if page["next_cursor"] else None
    return {item["order_id"]: item for item in items}


class Restarting:
    """The port of the server that runs now."""

    port = 1


def test_maps_of_live_subscribers_are_the_servers_state_over_kills(shop, data, seed):
    dice, place = random.Random(seed), Restarting()
    followers = [Follower(place, query, i % 2 == 1, f"{seed}/{i}")
                 for i, query in enumerate(FILTERS * 2)]
    for follower in followers:
        follower.start()
    try:
        for number in range(ROUNDS):
            with millrace.Server(shop, data) as server:
                place.port = server.port
                writers = [Writer(server.port, f"{seed}/{number}/{i}") for i in range(2)]
                for writer in writers:
                    writer.start()
                time.sleep(dice.uniform(0.2, 1.2))
                server.kill()
                for writer in writers:
                    writer.stop = True
                    writer.join()
    finally:
        for follower in followers:
            follower.stop = True
        for follower in followers:
            follower.join()
    with millrace.Server(shop, data) as server:
        place.port = server.port
        for follower in followers:
            follower.finish()
            assert follower.mirror.records == listed(server.api, follower.query), follower.query
            assert follower.mirror.resets == 0, "the log has everything: nobody needs to begin anew"
        assert sum(follower.connections for follower in followers) > 3 * ROUNDS
        assert min(follower.received for follower in followers) > 0
