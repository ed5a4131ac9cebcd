"""Writers: each owns its keys, so that the order of what it did to a key is known."""

import http.client
import json
import random
import threading
import time

import millrace
from journal import Journal, Op, note_of

ABSENT, PRESENT, UNKNOWN = "absent", "present", "unknown"
# Nothing was stored, says the answer; any other answer of the server's own failing does not.
REFUSALS = {400, 404, 409, 412, 413, 422, 429, 507}
IDEMPOTENT_SHARE = 0.5
BROKEN = (OSError, http.client.HTTPException)


class Writer:
    """Random creates, patches, replaces and deletes; goes on over restarts. An answer that
    contradicts what this writer was told before is a violation."""

    def __init__(self, name, seed, directory, keys=80, note_size=120, doubt=None, dark=None):
        self.name = name
        self.rng = random.Random(f"{seed}/{name}")
        self.journal = Journal(directory, name)
        self.note_size = note_size
        self.keys = [("orders", f"{name}-o{i}") for i in range(keys)] + \
                    [("customers", f"{name}-c{i}") for i in range(max(2, keys // 16))]
        self.customers = [key for collection, key in self.keys if collection == "customers"]
        self.belief = dict.fromkeys(self.keys, ABSENT)
        self.count = 0
        self.acked = 0
        self.doubt = doubt or threading.Event()
        self.dark = dark or threading.Event()
        self.dark_acks = 0      # acknowledgements of requests that were sent in the dark
        self.full = 0           # answers 507
        self.slowest = 0.0      # seconds to an answer
        self.again = None       # request without an answer, to be sent again
        self.violations = []

    def run(self, port, stop=None, most=None):
        """Until `stop` is set, the server is gone, or `most` requests were sent."""
        api = millrace.Api(port, timeout=60)
        sent = 0
        while not (stop and stop.is_set()) and (most is None or sent < most):
            if not self._send(api, self.again or self._next()):
                break
            sent += 1
        if api.connection:
            api.connection.close()

    # ---- what to do next ----

    def _next(self):
        collection, key = self.rng.choice(self.keys)
        belief = self.belief[collection, key]
        if collection == "orders" and belief == ABSENT and self.rng.random() < 0.25:
            ops = self._batch()
        else:
            ops = [self._op(collection, key, self._kind(belief))]
        idempotent = self.rng.random() < IDEMPOTENT_SHARE
        return self._request(ops, f"{self.name}-k{self.count}" if idempotent else None)

    def _kind(self, belief):
        if belief == ABSENT:
            return "create"
        if belief == PRESENT:
            return self.rng.choices(["patch", "replace", "delete"], [70, 15, 15])[0]
        return self.rng.choice(["create", "patch", "replace", "delete"])

    def _batch(self):
        absent = [k for c, k in self.keys if c == "orders" and self.belief[c, k] == ABSENT]
        keys = self.rng.sample(absent, min(len(absent), self.rng.randint(2, 8)))
        self.count += 1
        batch = f"{self.name}-b{self.count}"
        return [self._op("orders", key, "create", batch) for key in keys]

    def _op(self, collection, key, verb, batch=""):
        self.count += 1
        op = Op(f"{self.name}-{self.count:06}", collection, key,
                {"create": "c", "delete": "d"}.get(verb, "u"), batch=batch)
        op.verb = verb
        if verb != "delete":
            op.note_size = self.rng.randint(0, 2 * self.note_size)
        if collection == "orders" and verb != "delete":
            op.customer_id = self.rng.choice(self.customers)
            op.amount = self.rng.randint(0, 1000)
        return op

    def _request(self, ops, idempotency):
        op = ops[0]
        path = f"/api/collections/{op.collection}/records"
        method = {"create": "POST", "patch": "PATCH", "replace": "PUT", "delete": "DELETE"}[op.verb]
        documents = [self._document(one) for one in ops]
        body = None if method == "DELETE" else json.dumps(documents if op.batch else documents[0])
        if method != "POST":
            path += "/" + millrace.quote(op.key)
        headers = {"Idempotency-Key": f'"{idempotency}"'} if idempotency else {}
        return method, path, body, headers, ops

    @staticmethod
    def _document(op):
        document = {"op": op.id, "note": note_of(op.id, op.note_size)}
        if op.collection == "orders":
            document |= {"customer_id": op.customer_id, "amount": op.amount}
        if op.verb == "create":
            document |= {("order_id" if op.collection == "orders" else "customer_id"): op.key}
        return document

    # ---- sending, and what the answer says ----

    def _send(self, api, request):
        """False when the server is gone."""
        method, path, body, headers, ops = request
        first = self.again is None
        self.again = None
        if first:
            self.journal.intend(ops)
        begin, dark = time.monotonic(), self.dark.is_set()
        try:
            answer = api.request(method, path, body, headers)
        except BROKEN:
            self._unknown(request)
            return False
        self.slowest = max(self.slowest, time.monotonic() - begin)
        if 200 <= answer.status < 300:
            self.dark_acks += dark and "idempotent-replayed" not in answer.headers
            self._acknowledged(ops, answer)
        elif answer.status in REFUSALS:
            self._refused(ops, answer)
        elif answer.status in (500, 503, 504):
            self._unknown(request)
        else:
            self.violations.append(f"{method} {path}: {answer}")
        return True

    def _unknown(self, request):
        *_, headers, ops = request
        self.journal.unknown(ops)
        if headers:
            self.again = request
        for op in ops:
            self.belief[op.collection, op.key] = UNKNOWN

    def _acknowledged(self, ops, answer):
        for i, op in enumerate(ops):
            document = None if op.kind == "d" else answer.json[i] if op.batch else answer.json
            op.version = document["_version"] if document else answer.headers["x-millrace-position"]
            if document and document["op"] != op.id:
                self.violations.append(f"{op.id}: answered with the record of {document['op']}")
            belief = self.belief[op.collection, op.key]
            if belief == (PRESENT if op.kind == "c" else ABSENT) and "idempotent-replayed" not in answer.headers:
                self.violations.append(f"{op.id}: {answer.status} although {op.key} is {belief}")
            self.belief[op.collection, op.key] = ABSENT if op.kind == "d" else PRESENT
        if self.doubt.is_set():
            return self._doubt(ops)
        self.journal.acked(ops)
        self.acked += len(ops)

    def _doubt(self, ops):
        self.journal.unknown(ops)
        for op in ops:
            self.belief[op.collection, op.key] = UNKNOWN

    def _refused(self, ops, answer):
        self.journal.refused(ops, answer.status)
        if answer.status == 507:
            self.full += 1
            return
        for op in ops:
            belief = self.belief[op.collection, op.key]
            learnt = {404: ABSENT, 409: PRESENT}.get(answer.status)
            if learnt is None or belief not in (UNKNOWN, learnt):
                self.violations.append(f"{op.id}: {answer} although {op.key} is {belief}")
            elif not op.batch:
                self.belief[op.collection, op.key] = learnt


class Crew:
    """Writers in threads of their own against one server."""

    def __init__(self, seed, directory, writers=4, **more):
        directory.mkdir(parents=True, exist_ok=True)
        # From before the power is cut, and from when it is: see disks.py.
        self.doubt, self.dark = threading.Event(), threading.Event()
        self.writers = [Writer(f"w{i}", seed, directory, doubt=self.doubt, dark=self.dark, **more)
                        for i in range(writers)]
        self.threads = []
        self.stop_now = threading.Event()

    def start(self, port):
        self.stop_now.clear()
        self.threads = [threading.Thread(target=w.run, args=(port, self.stop_now)) for w in self.writers]
        for thread in self.threads:
            thread.start()

    def join(self):
        """After the server is gone, or to end them."""
        self.stop_now.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a writer got no answer within two minutes"
        self.threads = []

    def run_for(self, port, requests):
        """Every writer sends so many requests, or ends with the server."""
        self.threads = [threading.Thread(target=w.run, args=(port, None, requests)) for w in self.writers]
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(300)
            assert not thread.is_alive(), "a writer got no answer within five minutes"
        self.threads = []

    def close(self):
        for writer in self.writers:
            writer.journal.close()

    @property
    def dark_acks(self):
        return sum(w.dark_acks for w in self.writers)

    @property
    def acked(self):
        return sum(w.acked for w in self.writers)

    @property
    def violations(self):
        return [v for w in self.writers for v in w.violations]
