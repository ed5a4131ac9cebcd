"""The power goes: what was acknowledged is on the disk."""

import random
import threading
import time

import disks
import millrace
import oracle
import pytest
import test_streams
from millrace import Server
from shim import Fault
from workload import Crew

CUTS = [("ext4", disks.LOSE_LOG, 6), ("ext4", disks.FLUSH_LOG, 4), ("xfs", disks.LOSE_LOG, 4), ("xfs", disks.FLUSH_LOG, 3)]


@pytest.mark.parametrize("fs, flag, rounds", CUTS, ids=[f"{fs}-{flag}" for fs, flag, _ in CUTS])
def test_power_cut_under_load(fs, flag, rounds, tmp_path, shop, journals, seed):
    rng = random.Random(f"{seed}/{fs}{flag}")
    crew, clicker = Crew(seed, journals), test_streams.Writer("k", seed)
    (shop / "streams" / "clicks.yaml").write_text(test_streams.CLICKS)
    (shop / "pipelines" / "clicks_now.yaml").write_text(test_streams.NOW)
    with disks.Disk(tmp_path / "disk", fs) as disk:
        data = disk.place / "data"
        for number in range(rounds):
            with Server(shop, data) as server:
                crew.start(server.port)
                clicks = threading.Thread(target=clicker.run, args=(server.port,))
                clicks.start()
                # When the power goes is the random variable, not a way to wait.
                time.sleep(rng.uniform(0.05, 0.6))
                crew.doubt.set()
                clicker.doubt.set()
                disk.cut(flag)
                crew.dark.set()
                # The process lives on without a disk, and its writers with it: answers to
                # what they send from now on must not be acknowledgements.
                time.sleep(rng.uniform(0.0, 0.2))
                server.kill()
                crew.join()
                clicks.join()
                assert crew.dark_acks == 0, f"seed {seed}, round {number}: acknowledged without a disk"
            crew.doubt.clear()
            clicker.doubt.clear()
            crew.dark.clear()
            disk.restore()
            with Server(shop, data) as server:
                oracle.check(data, journals, server.api, seed)
                test_streams.check(data, [clicker])
                violations = crew.violations + clicker.violations
                assert not violations, violations[:5]
                server.kill()
    assert min(crew.acked, clicker.acked) > 10 * rounds


@pytest.mark.parametrize("at", [1, 4, 9, 16, 25, 40, 63, 101, 150])
def test_what_was_recovered_is_durable_before_it_is_used(at, tmp_path, shop, journals, seed):
    """Killed inside the at-th fdatasync, started, read from, and only then the power cut."""
    crew = Crew(f"{seed}/{at}", journals)
    with disks.Disk(tmp_path / "disk") as disk:
        data = disk.place / "data"
        fault = Fault(data, tmp_path / "hit", "sync", at, "KILL")
        with Server(shop, data, env=fault.env, wait=False) as server:
            try:
                server.wait_ready()
                crew.start(server.port)
                server.process.wait(60)
            except RuntimeError:
                server.process.wait(10)
            crew.join()
        assert fault.hit, f"sync {at} was not reached"
        with Server(shop, data) as server:
            millrace.wait_drained(data)
            seen = {c: oracle.list_records(server.api, c) for c in ("orders", "customers")}
            logged = {c: [e.id for e in oracle.read_log(data, c)] for c in seen}
            disk.cut(disks.LOSE_LOG)
            server.kill()
        disk.restore()
        with Server(shop, data) as server:
            for collection, records in seen.items():
                assert oracle.list_records(server.api, collection) == records, "a reader saw what the power cut took"
                assert [e.id for e in oracle.read_log(data, collection)] == logged[collection]
            crew.run_for(server.port, 5)
            oracle.check(data, journals, server.api, seed)
            assert not crew.violations, crew.violations[:5]
