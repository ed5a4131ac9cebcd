"""Killed before and after each durable point, at its first, second and seventeenth time;
every other run the power goes too, before the next start."""

import itertools
import re
import shutil
import signal

import disks
import millrace
import oracle
import pytest
from millrace import Server
from workload import Crew

HITS = (1, 2, 17)
NAMES = sorted({name for path in (millrace.ROOT / "src").rglob("*.cpp") if not path.name.endswith("_test.cpp")
                for name in re.findall(r'MR_FAIL_POINT\("([^"]+)"\)', path.read_text())
                if not name.startswith(("backup.", "restore.", "compact."))})  # test_backup_kill.py, test_compact_kill.py
MERGES = [name for name in NAMES if name.startswith("warehouse.merge")]
REDRIVES = [name for name in NAMES if name.startswith("redrive.")]
DISMISSALS = [name for name in NAMES if name.startswith("letters.")]  # test_redrive.py, as those before
STREAMS = [name for name in NAMES if name.startswith("streams.")]
SNAPSHOTS = [name for name in NAMES if name.startswith(("snapshot.", "resnapshot."))]  # test_snapshot.py
ELSEWHERE = MERGES + REDRIVES + DISMISSALS + STREAMS + SNAPSHOTS
# Points that only much data reaches: long notes, and segments as small as they may be.
BULKY = re.compile(r"records\.checkpoint|eventlog\..*_roll")
CASES = [(name, hit, power) for (name, hit), power in
         zip(itertools.product([n for n in NAMES if n not in ELSEWHERE], HITS), itertools.cycle([False, True]))]
SETTINGS = {"MILLRACE__LOG__SEGMENT_SIZE": "1MiB"}


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    with disks.Disk(tmp_path_factory.mktemp("disk"), mebibytes=16384) as disk:
        yield disk


@pytest.fixture
def data(disk, request):
    directory = disk.place / re.sub(r"\W", "_", request.node.name)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def kill_at(name, hit, project, data, binary, drive, seconds=90):
    """Runs until the fail point has killed the process. `drive(port)` returns a function
    that ends the load."""
    env = {**SETTINGS, "MILLRACE_FAILPOINT": f"{name}:kill:{hit}"}
    with Server(project, data, binary=binary, env=env, wait=False) as server:
        try:
            server.wait_ready()
        except RuntimeError:
            assert server.process.wait(10) == -signal.SIGKILL, server.errors()
            return
        end = drive(server.port)
        try:
            millrace.wait_until(lambda: server.process.poll() is not None, seconds, what=f"hit {hit} of {name}")
        finally:
            server.kill()
            end()
        assert server.process.returncode == -signal.SIGKILL, server.errors()


def lose_power(disk, number):
    disk.cut((disks.LOSE_LOG, disks.FLUSH_LOG)[number % 2])
    disk.restore()


@pytest.mark.parametrize("name, hit, power", CASES, ids=[f"{n}-{h}{'-power' if p else ''}" for n, h, p in CASES])
def test_killed_at(name, hit, power, fault_binary, shop, disk, data, journals, seed):
    crew = Crew(seed, journals, note_size=20_000 if BULKY.match(name) else 120)

    def drive(port):
        crew.start(port)
        return crew.join

    kill_at(name, hit, shop, data, fault_binary, drive)
    if power:
        lose_power(disk, hit)
    with Server(shop, data, env=SETTINGS) as server:
        crew.run_for(server.port, 5)
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]
        assert server.stop() == 0


def test_half_of_the_runs_lose_power_too():
    assert abs(sum(power for *_, power in CASES) * 2 - len(CASES)) <= 1
    assert {name for name, *_ in CASES} | set(ELSEWHERE) == set(NAMES) and len(NAMES) >= 20
