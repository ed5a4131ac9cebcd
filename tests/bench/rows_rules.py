"""Creates under a rule while live subscribers look on, against PocketBase."""

import concurrent.futures
import contextlib
import time

import harness
import millrace
import peers
import projects
from accounts import User, closed_project
from harness import load, rounds, scaled
from rows_live import Following
from rows_records import PATH
from rows_tokens import SETTINGS

SUBSCRIBERS = 100
RATE = 20  # a second: what PocketBase bears with these subscribers
# As in pocketbase/main.go: everybody sees each of the measured records.
RULES = "rules:\n  list: customer_id = auth.user_id or status != 'pending'\n  create: customer_id = auth.user_id\n"


class Side:
    """One server, the writer's id, and files with the tokens: of the writer, of the subscribers."""

    def __init__(self, server, port, path, users, following):
        self.server, self.port, self.following = server, port, following
        (self.writer, token), *others = users
        self.writes, self.reads = path / "writer", path / "subscribers"
        self.writes.write_text(token + "\n")
        self.reads.write_text("".join(token + "\n" for _, token in others))

    def create(self, seconds, rate):
        body = projects.RECORD.replace('"c0{m}"', f'"{self.writer}"')
        return load(self.port, method="POST", path=PATH, body=body, rate=rate, seconds=seconds, tokens=self.writes)

    def refuses_others(self):
        body = {"customer_id": "somebody", "amount": "1", "quantity": 1, "status": "processing", "note": "x"}
        answer = millrace.Api(self.port).post(PATH, body, {"Authorization": "Bearer " + self.writes.read_text().strip()})
        if answer.status not in (400, 403):
            raise RuntimeError(f"a record of somebody else was taken: {answer}")

    def alone(self, seconds):
        """CPU microseconds of a create without subscribers, as many at a time as there are connections."""
        cpu = self.server.cpu_seconds()
        sent = self.create(seconds, 0)
        return (self.server.cpu_seconds() - cpu) * 1e6 / sent["requests"]

    def measure(self, seconds):
        following = Following(self.port, SUBSCRIBERS, seconds + 3, "", self.reads, **self.following)
        cpu = self.server.cpu_seconds()
        sent = self.create(seconds, RATE)
        seen = following.report()
        cpu = self.server.cpu_seconds() - cpu
        if seen["messages"] != SUBSCRIBERS * sent["requests"]:
            raise RuntimeError(f"{seen['messages']} messages of {SUBSCRIBERS} x {sent['requests']}")
        return cpu * 1e6 / sent["requests"], sent, seen


@contextlib.contextmanager
def ours(path):
    project = closed_project(path / "project", {"orders": projects.NOTED_ORDERS + RULES})
    with millrace.Server(project, path / "data", args=SETTINGS) as server:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            users = list(pool.map(lambda n: User(millrace.Api(server.port), f"user-{n:06}@example.com"), range(SUBSCRIBERS + 1)))
        yield Side(server, server.port, path, [(user.id, user.token) for user in users], {})


@contextlib.contextmanager
def pocketbase(path):
    place = peers.made("pocketbase", "pocketbase", "go build -mod=readonly -o pocketbase .")
    port, tokens = millrace.free_port(), path / "users"
    env = {"BENCH_USERS": str(SUBSCRIBERS + 1), "BENCH_TOKENS": str(tokens)}
    serve = [place / "pocketbase", "serve", "--http", f"127.0.0.1:{port}", "--dir", path / "data"]
    with peers.Process(*serve, env=env).wait_for("ready", 120) as server:
        users = [line.split() for line in tokens.read_text().splitlines()]
        yield Side(server, port, path, users, {"path": "/api/realtime", "topic": "orders/*"})


def create_rules(report):
    seconds = scaled(20, 2)
    with ours(harness.directory("rules-ours")) as mine, pocketbase(harness.directory("rules-pocketbase")) as peer:
        sides = {"ours": mine, "peer": peer}
        for side in sides.values():
            side.refuses_others()
            side.measure(2)
            time.sleep(1)

        def one_round(number):
            result = {}
            for name in sorted(sides, reverse=number % 2 == 0):
                result[name + "_us"], sent, seen = sides[name].measure(seconds)
                result[name + "_p50_ms"], result[name + "_p99_ms"] = sent["p50_us"] / 1e3, sent["p99_us"] / 1e3
                result[name + "_live_p99_ms"] = seen["p99_us"] / 1e3
                result[name + "_alone_us"] = sides[name].alone(scaled(4))
            return {**result, "ratio": result["peer_us"] / result["ours_us"]}

        done = rounds(one_round, watch=("loop_cpu_us",))
    ratio = done.median("ratio")
    report.add("create-rules-pocketbase", f"create with rule check and token, {SUBSCRIBERS} live subscribers who see it, {RATE}/s", ">= 5x "
               "less CPU than PocketBase", f"{ratio:.1f}x", ratio >= 5, "./dev bench create-rules-pocketbase", done,
               f"CPU a create, all messages in: {done.median('ours_us'):,.0f} us, PocketBase {done.median('peer_us'):,.0f}; without subscribers, "
               f"closed loop: {done.median('ours_alone_us'):.1f} and {done.median('peer_alone_us'):.0f} us; create p99 "
               f"{done.median('ours_p99_ms'):.1f} ms against {done.median('peer_p99_ms'):.1f}, client p99 "
               f"{done.median('ours_live_p99_ms'):.1f} against {done.median('peer_live_p99_ms'):.1f}; ours with fdatasync, PocketBase's "
               f"log of requests off, its synchronous=NORMAL")


ROWS = {"create-rules-pocketbase": create_rules}
