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

REQUESTS = 2          # of each of two writers
SCRIPT_SEED = "io"    # the same script in every run: N is the only variable
AT_ONCE = 2
BOUND = 400           # calls of one kind; more would mean that the script has grown


class Run:
    """One run of the script with one fault, and what follows."""

    def __init__(self, project, place, fault, disk=None):
        self.project, self.place, self.fault, self.disk = project, place, fault, disk
        self.data = place / "data"
        self.crew = Crew(SCRIPT_SEED, fault.hit_file.parent / f"{fault.hit_file.name}.journals", writers=2, keys=4)
        self.signs = []
        self.through = False    # in spite of the fault, everything arrived

    def with_fault(self):
        with Server(self.project, self.data, env=self.fault.env, wait=False) as server:
            if self._started(server):
                self.crew.run_for(server.port, REQUESTS)
                self._watch(server)
            if server.stop(20) != 0:
                self.signs.append(f"exit {server.process.returncode}")
            self.signs += [line for line in server.errors().splitlines() if is_complaint(line)]

    def _started(self, server):
        """False: it ended, or waits with a part that has stopped, and said why."""
        def known():
            try:
                server.wait_ready(0.1)
                return "ready"
            except RuntimeError as error:
                stopped = server.process.poll() is not None or "stopped" in server.errors()
                return str(error) if stopped else None
        found = millrace.wait_until(known, 30, 0, f"{self.fault}: ready, or a reason")
        if found != "ready":
            self.signs.append(found)
        return found == "ready"

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
                # Without room a part waits for it, ready meanwhile, and says so.
                self.signs += [p["reason"] for p in answer.json["parts"] if p.get("reason")]
                self.through = all(p["lag_events"] == 0 for p in millrace.status(self.data))
                return self.through or bool(self.signs)
            except (OSError, AssertionError):
                return server.process.poll() is not None
        millrace.wait_until(settled, 30, what=f"{self.fault}: through, or not ready")

    def recover(self):
        with Server(self.project, self.data) as server:
            self.crew.run_for(server.port, 2)
            oracle.check(self.data, self.crew.writers[0].journal.path.parent, server.api, self.fault)
            assert not self.crew.violations, (str(self.fault), self.crew.violations[:5])
            server.kill()
        self.crew.close()

    def check_signs(self):
        """What does not go on has said why. (SQLite passes over some calls that it does not
        need: of its shared memory, and the sync of a directory that others sync again.)"""
        assert self.signs or self.through or not self.fault.hit, f"{self.fault}: nobody said a word"


def is_complaint(line):
    try:
        return json.loads(line).get("level") in ("warn", "error")
    except ValueError:
        return line.startswith("millrace:")


def for_every_n(run_one, step=1, first=1):
    """Runs N = first, first + step … until a run passes without its fault; how many were
    hit. All that went wrong is told at the end."""
    hit, wrong = 0, []

    def guarded(at):
        try:
            return run_one(at)
        except (AssertionError, RuntimeError) as error:
            wrong.append(f"N = {at}: {error}")
            return True

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = itertools.count(first, step)
        block = [True]
        while all(block) and hit < BOUND:
            block = list(pool.map(guarded, itertools.islice(numbers, AT_ONCE)))
            hit += sum(block)
    assert hit < BOUND, "the script is longer than it should be"
    assert not wrong, f"{len(wrong)} of {hit} runs went wrong:\n" + "\n".join(wrong[:10])
    return hit * step


# Of the variants every third or fifth N a run, which ones by the seed: runs of CI cover all.
@pytest.mark.parametrize("kind, how, sticky, step, least", [
    ("write", "EIO", False, 1, 60), ("write", "SHORT", False, 5, 60), ("write", "ENOSPC", True, 5, 60),
    ("rename", "EIO", False, 1, 4),
])
def test_every_write_or_rename_that_fails(kind, how, sticky, step, least, tmp_path, shop, seed):
    def run_one(at):
        place = tmp_path / f"{at}"
        place.mkdir()
        run = Run(shop, place, Fault(place, tmp_path / f"hit{at}", kind, at, how, sticky))
        run.with_fault()
        run.recover()
        run.check_signs()
        shutil.rmtree(place)
        return bool(run.fault.hit)

    assert for_every_n(run_one, step, 1 + seed % step) >= least


@pytest.mark.parametrize("how, sticky, step", [("EIO", False, 1), ("EIO", True, 3)])
def test_every_sync_that_fails_then_the_power_cut(how, sticky, step, tmp_path, shop, seed):
    def run_one(at):
        with disks.Disk(tmp_path / f"disk{at}", mebibytes=300) as disk:
            run = Run(shop, disk.place, Fault(disk.place, tmp_path / f"hit{at}", "sync", at, how, sticky))
            run.with_fault()
            disk.cut(disks.LOSE_LOG)
            disk.restore()
            run.recover()
            run.check_signs()
            return bool(run.fault.hit)

    assert for_every_n(run_one, step, 1 + seed % step) >= 20
