"""Streams killed at any time, with replays going on: an answered event is there once, everywhere."""

import collections
import http.client
import json
import random
import signal
import subprocess
import threading
import time

import millrace
import pytest
from millrace import Server
from test_fail_points import STREAMS

CLICKS = """
stream: clicks
fields:
  writer: {type: text, required: true}
  n:      {type: integer, required: true}
"""
NOW = """
pipeline: clicks_now
from: {stream: clicks}
batch: {max_rows: 200, max_wait: 5ms}
sql: SELECT event_id, writer, n FROM changes
to:
  - table: {name: clicks, key: event_id}
  - lake:  {path: clicks/, roll: {rows: 500, every: 200ms}}
"""
BROKEN = (OSError, http.client.HTTPException)


class Writer:
    """Events numbered from 0 on, in order; a request without an answer is sent again with the same ids."""

    def __init__(self, name, seed):
        self.name, self.rng = name, random.Random(f"{seed}/{name}")
        self.next, self.acked, self.pending, self.violations = 0, 0, None, []
        self.doubt = threading.Event()  # what is answered from now on may be lost: it is sent again

    def run(self, port):
        api = millrace.Api(port, timeout=30)
        try:
            while True:
                if self.pending is None:
                    self.pending = self._request()
                body, headers, count = self.pending
                answer = api.post("/api/streams/clicks/events", body, headers)
                if self.doubt.is_set():
                    return
                if answer.status not in (200, 201):
                    # Stopping, or no room: nothing was taken.
                    if answer.status != 503:
                        self.violations.append(f"{self.name}: {answer}")
                    return
                self.acked += count
                self.pending = None
        except BROKEN:
            pass
        finally:
            if api.connection:
                api.connection.close()

    def _request(self):
        count = self.rng.choice([1, 1, 7, 40])
        events = [{"event_id": f"{self.name}-{n}", "writer": self.name, "n": n} for n in range(self.next, self.next + count)]
        self.next += count
        if count == 1:
            return json.dumps(events[0]), {}, 1
        if self.rng.random() < 0.5:
            return json.dumps(events), {}, count
        return "\n".join(map(json.dumps, events)), {"Content-Type": "application/x-ndjson"}, count


class Commands:
    """The command line beside a server that dies: what it then says is no error, but most must get through."""

    def __init__(self):
        self.done, self.cut = collections.Counter(), collections.Counter()

    def run(self, process, *args):
        code = subprocess.run([str(millrace.BINARY), *map(str, args)], capture_output=True, timeout=120,
                              stdin=subprocess.DEVNULL).returncode
        # A redrive ends with 1 where a letter that nobody had mended yet died again.
        if process.poll() is None:
            self.done[args[1]] += code == 0 or (args[1], code) == ("redrive", 1)
        elif code != 0:
            self.cut[args[1]] += 1

    def wait_for(self, *names):
        """Until each has ended well once: on a slow machine no server would live as long by chance."""
        millrace.wait_until(lambda: all(self.done[name] for name in names), 60, what=f"one of each: {names}")

    def check(self, *names):
        for name in names:
            assert self.done[name] > 0 and self.cut[name] > 0, f"{name}: {self.done} done, {self.cut} cut by a kill"


def replay_until_gone(shop, data, process, commands):
    while process.poll() is None:
        commands.run(process, "pipelines", "replay", "clicks_now", "--project", shop, "--data", data, "--quiet")


def check(data, writers):
    """Each answered event once in log, table and lake; the others once or not at all; each writer's in order."""
    millrace.wait_drained(data)
    logged = {}
    for event in millrace.log_events(data, "clicks"):
        after = event["event"]["after"]
        logged.setdefault(after["writer"], []).append(after["n"])
    for writer in writers:
        ns = logged.get(writer.name, [])
        assert ns == list(range(len(ns))), f"{writer.name}: lost, doubled or out of order"
        assert writer.acked <= len(ns) <= writer.next, f"{writer.name}: {writer.acked} acknowledged, {len(ns)} logged"
    expected = {name: len(ns) for name, ns in logged.items()}
    for table in ("clicks", "lake.clicks"):
        rows = millrace.sql(data, f"SELECT writer, count(*)::INT AS rows, count(DISTINCT n)::INT AS ns, max(n)::INT AS last FROM {table} GROUP BY 1")
        assert {row["writer"]: row["rows"] for row in rows} == expected, table
        assert all(row["ns"] == row["rows"] == row["last"] + 1 for row in rows), table
    return sum(expected.values())


def test_answered_events_are_there_once_over_kills_and_replays(tmp_path, seed):
    shop = millrace.write_project(tmp_path / "project", {}, {"clicks_now": NOW}, streams={"clicks": CLICKS})
    data, rng = tmp_path / "data", random.Random(f"{seed}/streams")
    writers, commands = [Writer(f"w{i}", seed) for i in range(3)], Commands()
    rounds, events = 16, 0
    for number in range(rounds):
        with Server(shop, data) as server:
            threads = [threading.Thread(target=writer.run, args=(server.port,)) for writer in writers]
            threads.append(threading.Thread(target=replay_until_gone, args=(shop, data, server.process, commands)))
            for thread in threads:
                thread.start()
            # How long the server lives is the random variable, not a way to wait.
            time.sleep(rng.uniform(0.05, 1.0))
            if number == rounds // 2:
                commands.wait_for("replay")
            server.kill()
            for thread in threads:
                thread.join()
        assert not [v for writer in writers for v in writer.violations], f"seed {seed}"
        if number % 8 == 7:
            with Server(shop, data) as server:
                events = check(data, writers)
                assert server.stop() == 0
    print(f"seed {seed}: {events} events, {commands.done} done, {commands.cut} cut")
    commands.check("replay")
    assert events > 20 * rounds, "too few events got through to prove anything"


@pytest.mark.parametrize("hit", (1, 2, 17))
@pytest.mark.parametrize("name", STREAMS)
def test_killed_at_each_step_of_an_append(name, hit, tmp_path, seed, fault_binary):
    shop = millrace.write_project(tmp_path / "project", {}, {"clicks_now": NOW}, streams={"clicks": CLICKS})
    data, writers = tmp_path / "data", [Writer(f"w{i}", seed) for i in range(3)]
    with Server(shop, data, binary=fault_binary, env={"MILLRACE_FAILPOINT": f"{name}:kill:{hit}"}) as server:
        threads = [threading.Thread(target=writer.run, args=(server.port,)) for writer in writers]
        for thread in threads:
            thread.start()
        assert server.process.wait(60) == -signal.SIGKILL
        for thread in threads:
            thread.join()
    with Server(shop, data) as server:
        # What had no answer is sent once more, under the same ids.
        for writer in writers:
            if writer.pending:
                body, headers, count = writer.pending
                assert server.api.post("/api/streams/clicks/events", body, headers).status in (200, 201)
                writer.acked += count
        check(data, writers)
        assert not [v for writer in writers for v in writer.violations]
