"""A server that is killed while it makes a backup, and a restore that is: nothing that looks whole is left, the data go
on, and the next backup or restore succeeds."""

import signal

import millrace
import oracle
import pytest
from workload import Crew

BACKUP_POINTS = ("backup.after_warehouse", "backup.after_records", "backup.before_publish")


def files(directory):
    return [path for path in directory.rglob("*") if path.is_file()] if directory.exists() else []


@pytest.mark.parametrize("point", BACKUP_POINTS)
def test_a_killed_backup_is_none(point, shop, data, journals, fault_binary, tmp_path, seed):
    crew = Crew(seed, journals, writers=2)
    made = tmp_path / "made"
    with millrace.Server(shop, data, binary=fault_binary, env={"MILLRACE_FAILPOINT": f"{point}:kill:1"}) as server:
        crew.start(server.port)
        asked = millrace.run("backup", made, "--data", data, binary=fault_binary, check=False)
        assert asked.returncode != 0
        assert server.process.wait(30) == -signal.SIGKILL
        crew.join()
    assert not made.exists() and files(tmp_path / "made.partial")
    for left in (made, tmp_path / "made.partial"):
        if point != "backup.before_publish" or left == made:
            refused = millrace.run("restore", left, "--data", tmp_path / "copy", binary=fault_binary, check=False)
            assert refused.returncode == 5 and "no MANIFEST" in refused.stderr, refused
    assert not (tmp_path / "copy").exists()
    with millrace.Server(shop, data, binary=fault_binary) as server:
        crew.start(server.port)
        millrace.run("backup", made, "--data", data, binary=fault_binary)
        assert not (tmp_path / "made.partial").exists()
        crew.join()
        oracle.check(data, journals, server.api, seed)


def test_a_killed_restore_is_none(shop, data, fault_binary, tmp_path):
    with millrace.Server(shop, data, binary=fault_binary) as server:
        server.api.post("/api/collections/customers/records", {"customer_id": "c", "op": "1"})
        millrace.wait_drained(data)
    millrace.run("backup", tmp_path / "made", "--data", data, binary=fault_binary)
    copy = tmp_path / "copy"
    killed = millrace.run("restore", tmp_path / "made", "--data", copy, binary=fault_binary, check=False,
                          env={"MILLRACE_FAILPOINT": "restore.before_publish:kill:1"})
    assert killed.returncode == -signal.SIGKILL and not copy.exists()
    millrace.run("restore", tmp_path / "made", "--data", copy, binary=fault_binary)
    assert not (tmp_path / "copy.partial").exists()
    with millrace.Server(shop, copy, binary=fault_binary):
        millrace.wait_drained(copy)
        assert millrace.verify(copy)["agree"]
