"""The N-th write, sync or rename fails, for every N of a small scripted run: nothing that
was affected is acknowledged, the process stops or says what is not ready, the next start is
clean. Failed syncs are followed by a power cut, since what was not synced must not count."""

import concurrent.futures
import itertools
import json
import shutil

import disks
import millrace
import oracle
import pytest
from millrace import Server
from shim import Fault
from workload import Crew

REQUESTS = 8          # of each of two writers
SCRIPT_SEED = "io"    # the same script in every run: N is the only variable
AT_ONCE = 2
BOUND = 400           # calls of one kind; more would mean that the script has grown


class Run:
    """One run of the script with one fault, and what follows."""

    def __init__(self, project, place, fault, disk=None):
        self.project, self.place, self.fault, self.disk = project, place, fault, disk
        self.data = place / "data"
        self.crew = Crew(SCRIPT_SEED, fault.hit_file.parent / f"{fault.hit_file.name}.journals", writers=2, keys=16)
        self.signs = []

    def with_fault(self):
        with Server(self.project, self.data, env=self.fault.env, wait=False) as server:
            try:
                server.wait_ready()
                self.crew.run_for(server.port, REQUESTS)
                self._watch(server)
            except RuntimeError as error:
                self.signs.append(str(error))
            code = server.stop(20)
            self.signs.append(f"exit {code}") if code != 0 else None
            self.signs += [line for line in server.errors().splitlines() if is_complaint(line)]

    def _watch(self, server):
        """Until all is through, or a part says that it is not ready, or the process ends."""
        def settled():
            if server.process.poll() is not None:
                return True
            try:
                answer = server.api.get("/readyz")
                if answer.status != 200:
                    self.signs += [p["reason"] for p in answer.json["parts"] if not p["ready"]]
                    return True
                return all(p["lag_events"] == 0 for p in millrace.status(self.data))
            except (OSError, AssertionError):
                return server.process.poll() is not None
        millrace.wait_until(settled, 30, what=f"{self.fault}: through, or not ready")

    def recover(self):
        with Server(self.project, self.data) as server:
            self.crew.run_for(server.port, 2)
            oracle.check(self.data, self.crew.writers[0].journal.path.parent, server.api, self.fault)
            assert not self.crew.violations, (str(self.fault), self.crew.violations[:5])
            assert server.stop() == 0

    def check_signs(self):
        assert self.signs, f"{self.fault}: nobody said a word"


def is_complaint(line):
    try:
        return json.loads(line).get("level") in ("warn", "error")
    except ValueError:
        return line.startswith("millrace:")


def for_every_n(run_one):
    """Runs N = 1, 2, 3 … until a run passes without its fault; how many were hit."""
    hit = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = itertools.count(1)
        while True:
            block = list(pool.map(run_one, itertools.islice(numbers, AT_ONCE)))
            hit += sum(block)
            if not all(block):
                return hit
            assert hit < BOUND, "the script is longer than it should be"


@pytest.mark.parametrize("kind, how, sticky, least", [
    ("write", "EIO", False, 40), ("write", "SHORT", False, 40), ("write", "ENOSPC", True, 40), ("rename", "EIO", False, 4),
])
def test_every_write_or_rename_that_fails(kind, how, sticky, least, tmp_path, shop):
    def run_one(at):
        place = tmp_path / f"{at}"
        place.mkdir()
        run = Run(shop, place, Fault(place, tmp_path / f"hit{at}", kind, at, how, sticky))
        run.with_fault()
        run.recover()
        if run.fault.hit and how != "SHORT":
            run.check_signs()
        shutil.rmtree(place)
        return bool(run.fault.hit)

    assert for_every_n(run_one) >= least


@pytest.mark.parametrize("how, sticky", [("EIO", False), ("EIO", True)])
def test_every_sync_that_fails_then_the_power_cut(how, sticky, tmp_path, shop):
    def run_one(at):
        with disks.Disk(tmp_path / f"disk{at}", mebibytes=300) as disk:
            run = Run(shop, disk.place, Fault(disk.place, tmp_path / f"hit{at}", "sync", at, how, sticky))
            run.with_fault()
            disk.cut(disks.LOSE_LOG)
            disk.restore()
            run.recover()
            if run.fault.hit:
                run.check_signs()
            return bool(run.fault.hit)

    assert for_every_n(run_one) >= 20
