"""Killed at each step of a snapshot, under live writes: afterwards table and lake are exact."""

import re
import shutil
import signal
import subprocess

import millrace
import pytest
import snapshots
from millrace import Server
from snapshots import ROOMY, TIGHT

SNAPSHOT = ["snapshot.after_append", "snapshot.before_end", "snapshot.after_end", "snapshot.before_start", "snapshot.before_changes",
            "snapshot.after_changes"]
RESNAPSHOT = ["snapshot.after_append", "snapshot.after_end", "snapshot.before_changes", "resnapshot.before_exchange",
              "resnapshot.after_exchange"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Records that stand in dropped segments, and no pipeline yet."""
    place = tmp_path_factory.mktemp("written")
    shop = snapshots.write_shop(place / "project")
    with Server(shop, place / "data", args=TIGHT) as server:
        snapshots.write_history(server.api)
        assert server.stop() == 0
    return place


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """A table that was left behind, of a pipeline whose log is cut."""
    place = tmp_path_factory.mktemp("lost")
    shop = snapshots.write_shop(place / "project")
    snapshots.lose_position(shop, place / "data")
    return place


@pytest.fixture
def place(tmp_path, request):
    source = request.getfixturevalue(request.param)
    shutil.copytree(source / "project", tmp_path / "project")
    millrace.copy_data(source / "data", tmp_path / "data")
    return tmp_path


def write_until_dead(server, seconds=60):
    """Writes as long as somebody answers."""
    writes = snapshots.Writes(server.port, "live", until_refused=True)
    with writes:
        millrace.wait_until(lambda: server.process.poll() is not None, seconds, what="killed")
    assert server.process.wait() == -signal.SIGKILL, server.errors()


def check(place, lake):
    with Server(place / "project", place / "data", args=ROOMY) as server:
        with snapshots.Writes(server.port, "later"):
            snapshots.wait_running(place / "data")
        millrace.wait_drained(place / "data")
        assert snapshots.table(place / "data") == snapshots.records(server.api)
        assert server.stop() == 0
    if lake:
        snapshots.check_lake(place / "data")
    assert millrace.verify(place / "data")["agree"]


@pytest.mark.parametrize("place", ["written"], indirect=True)
@pytest.mark.parametrize("name, hit", [(name, 1) for name in SNAPSHOT] + [("pipeline.before_write", 17), ("pipeline.after_write", 2)])
def test_killed_at_each_step_of_a_first_snapshot(name, hit, place, fault_binary):
    snapshots.add_pipeline(place / "project")
    env = {"MILLRACE_FAILPOINT": f"{name}:kill:{hit}"}
    with Server(place / "project", place / "data", binary=fault_binary, env=env, args=ROOMY, wait=False) as server:
        try:
            server.wait_ready()
        except RuntimeError:
            assert server.process.wait(10) == -signal.SIGKILL, server.errors()
        else:
            write_until_dead(server)
    check(place, lake=True)


@pytest.mark.parametrize("place", ["lost"], indirect=True)
@pytest.mark.parametrize("name", RESNAPSHOT)
def test_killed_at_each_step_of_a_new_snapshot(name, place, fault_binary):
    env = {"MILLRACE_FAILPOINT": f"{name}:kill:1"}
    with snapshots.stopped_server(place / "project", place / "data", binary=fault_binary, env=env) as server:
        command = subprocess.Popen([str(millrace.BINARY), "pipelines", "resnapshot", "orders_now", "--project", str(place / "project"),
                                    "--data", str(place / "data"), "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        write_until_dead(server)
        assert command.wait(30) != 0
        command.communicate()
    # Without a server; before the exchange the old table is there, whole.
    if "missed1" not in snapshots.table(place / "data"):
        assert name != "resnapshot.after_exchange"
        snapshots.resnapshot(place / "project", place / "data")
    check(place, lake=False)


def test_all_steps_are_killed_at():
    there = {name for path in (millrace.ROOT / "src").rglob("*.cpp")
             for name in re.findall(r'MR_FAIL_POINT\("((?:re)?snapshot\.[^"]+)"\)', path.read_text())}
    assert there == set(SNAPSHOT) | set(RESNAPSHOT)
