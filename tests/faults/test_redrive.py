"""1 % poison, mended and redriven, ends as clean input; also when the redrive is killed anywhere, again and again."""

import json
import random
import signal
import subprocess
import threading
import time

import millrace
import pytest
from millrace import Server
from test_fail_points import DISMISSALS, REDRIVES

THINGS = """
collection: things
key: id
fields:
  id:   {type: text, required: true}
  name: {type: text}
  n:    {type: bigint}
"""

COUNTED = """
pipeline: counted
from: {changes: things, start: earliest}
batch: {max_rows: 500, max_wait: 10ms}
require: ["n <> 7"]
sql: SELECT id, CAST(name AS INTEGER) AS number, n FROM changes
to:
  - table: {name: counted, key: id}
  - lake: {path: counted_history/, roll: {rows: 100000, every: 100ms}}
"""

PATH = "/api/collections/things/records"
ROWS = 6000
SUMS = "SELECT count(*)::BIGINT AS n, count(DISTINCT id)::BIGINT AS ids, sum(number)::BIGINT AS number, sum(n)::BIGINT AS total FROM {}"


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", {"things": THINGS}, {"counted": COUNTED})


def fill(server, poison):
    rows = [{"id": f"t{i}", "name": str(i), "n": 1} for i in range(ROWS)]
    for i in range(17, ROWS, 100) if poison else ():
        rows[i] |= {"name": f"#{i}"} if i % 200 == 17 else {"n": 7}
    for i in range(0, ROWS, 1000):
        assert server.api.post(PATH, rows[i:i + 1000]).status == 201


def sums(data):
    return [millrace.sql(data, SUMS.format(source)) for source in ("counted", "lake.counted_history")]


def mend(data):
    for stage, change in (("sql", "name = ltrim(name, '#')"), ("require", "n = 1")):
        report = json.loads(millrace.run("deadletters", "mend", "--data", data, "--stage", stage, "--set", change, "--apply",
                                         "--json").stdout)
        assert report["letters"] == report["changed"] == ROWS // 100 and report["failing"] == 0, report


def redrive(data):
    """As a person would: again, until nothing is left. What went wrong on the way is not an error."""
    return subprocess.Popen([str(millrace.BINARY), "deadletters", "redrive", "--all", "--data", str(data), "--quiet"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    directory = tmp_path_factory.mktemp("clean")
    project = millrace.write_project(directory / "project", {"things": THINGS}, {"counted": COUNTED})
    with Server(project, directory / "data") as server:
        fill(server, False)
        millrace.wait_drained(directory / "data")
        return sums(directory / "data")


def in_state(data, state):
    return json.loads(millrace.run("deadletters", "list", "--data", data, "--state", state, "--json").stdout)


def finish(data, clean):
    def nothing_left():
        millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet", "--json")
        return not millrace.dead_letters(data)

    millrace.wait_until(nothing_left, 30, what="nothing left")
    assert sums(data) == clean
    counts = json.loads(millrace.run("deadletters", "list", "--data", data, "--state", "all", "--json").stdout)
    assert {one["state"] for one in counts} == {"applied"} and len(counts) == ROWS // 50


def test_poison_mended_and_redriven_ends_as_clean_input(project, data, clean):
    with Server(project, data) as server:
        fill(server, True)
        millrace.wait_drained(data)
        assert len(millrace.dead_letters(data)) == ROWS // 50
        mend(data)
        finish(data, clean)
        assert server.stop() == 0
    with Server(project, data):
        millrace.wait_drained(data)
        assert sums(data) == clean


def test_killed_at_any_time_of_a_redrive(project, data, clean, seed):
    chance = random.Random(seed)
    with Server(project, data) as server:
        fill(server, True)
        millrace.wait_drained(data)
        mend(data)
        server.kill()
    for _ in range(8):
        with Server(project, data) as server:
            client = redrive(data)
            time.sleep(chance.uniform(0, 0.15))
            server.kill()
            client.communicate(timeout=30)
    with Server(project, data):
        finish(data, clean)


@pytest.mark.parametrize("name", REDRIVES)
def test_killed_at_each_step_of_a_redrive(name, project, data, clean, fault_binary):
    with Server(project, data) as server:
        fill(server, True)
        millrace.wait_drained(data)
        mend(data)
        server.kill()
    if "reopen" in name:  # some die again
        with Server(project, data) as server:
            millrace.run("deadletters", "mend", "--stage", "sql", "--reset", "--apply", "--data", data, check=False)
            server.kill()
    with Server(project, data, binary=fault_binary, env={"MILLRACE_FAILPOINT": f"{name}:kill:1"}) as server:
        client = redrive(data)
        assert server.process.wait(30) == -signal.SIGKILL
        threading.Timer(5, client.kill).start()
        client.communicate(timeout=30)
    with Server(project, data):
        if "reopen" in name:
            # What the start repairs comes back to its sinks first.
            millrace.wait_until(lambda: not in_state(data, "sent"), what="nothing on its way")
            millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet", check=False)
            # A mend begins with the payload as it came: what was mended otherwise is left alone.
            millrace.run("deadletters", "mend", "--stage", "sql", "--set", "name = ltrim(name, '#')", "--apply", "--data", data)
        finish(data, clean)


@pytest.mark.parametrize("name", DISMISSALS)
def test_killed_while_letters_are_dismissed(name, project, data, fault_binary):
    command = ("deadletters", "dismiss", "--stage", "sql", "--reason", "no numbers", "--apply", "--json", "--data", data)
    with Server(project, data, binary=fault_binary, env={"MILLRACE_FAILPOINT": f"{name}:kill:1"}) as server:
        fill(server, True)
        millrace.wait_drained(data)
        sent = millrace.run(*command, check=False)
        assert sent.returncode != 0 and server.process.wait(30) == -signal.SIGKILL
    each = ROWS // 100  # of either stage
    with Server(project, data) as server:
        dismissed = in_state(data, "dismissed")
        assert len(dismissed) == (0 if "before" in name else each), "all or none"
        # Again, as a person would: what is done stays done.
        assert json.loads(millrace.run(*command).stdout) == {"dismissed": each - len(dismissed)}
        assert {one["dismissal"] for one in in_state(data, "dismissed")} == {"no numbers"}
        assert len(in_state(data, "open")) == each
        server.kill()
    with Server(project, data):
        millrace.wait_drained(data)
        assert len(in_state(data, "dismissed")) == each and millrace.verify(data)["agree"]
