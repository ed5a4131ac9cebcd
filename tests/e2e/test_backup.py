"""One consistent copy of all stores, made while they are written to, that a server runs on from."""

import json
import os
import shutil
import threading

import millrace
import pytest

ORDERS = "/api/collections/orders/records"
CUSTOMERS = "/api/collections/customers/records"


class Writer(threading.Thread):
    """Writes as fast as it is answered, and remembers what was acknowledged."""

    def __init__(self, port, name):
        super().__init__()
        self.api, self.name, self.acknowledged, self.stopped = millrace.Api(port), name, {}, threading.Event()

    def run(self):
        n = 0
        while not self.stopped.is_set():
            key, n = f"{self.name}-{n}", n + 1
            body = {"order_id": key, "customer_id": f"c{n % 7}", "amount": n, "note": "x" * 200}
            answer = self.api.post(ORDERS, body)
            assert answer.status == 201, answer
            self.acknowledged[key] = answer.json["_version"]
            if n % 5 == 0:
                answer = self.api.patch(f"{ORDERS}/{key}", {"status": "shipped"})
                self.acknowledged[key] = answer.json["_version"]
            if n % 50 == 0:
                self.api.put(f"{CUSTOMERS}/c{n % 7}", {"name": f"name {n}"})

    def stop(self):
        self.stopped.set()
        self.join()


def backup(data, to, *flags, **more):
    return millrace.run("backup", to, "--data", data, *flags, **more)


def restore(made, data, **more):
    return millrace.run("restore", made, "--data", data, **more)


def agrees(data):
    verdict = millrace.verify(data)
    assert verdict["agree"], verdict
    return verdict


def test_a_backup_under_live_writes_has_all_that_was_acknowledged_and_agrees(server, shop, data, tmp_path):
    writers = [Writer(server.port, f"w{i}") for i in range(3)]
    for writer in writers:
        writer.start()
    before, epochs = {}, set()
    for n in range(3):
        millrace.wait_until(lambda: all(len(w.acknowledged) > 150 * (n + 1) for w in writers))
        before = {key: version for writer in writers for key, version in list(writer.acknowledged.items())}
        report = json.loads(backup(data, tmp_path / f"backup{n}", "--json").stdout)
        assert report["files"] > 4 and report["path"] == str(tmp_path / f"backup{n}")
    for writer in writers:
        writer.stop()
    last = max(version for writer in writers for version in writer.acknowledged.values())

    copy = tmp_path / "copy"
    restore(tmp_path / "backup2", copy)
    with millrace.Server(shop, copy) as restored:
        millrace.wait_drained(copy)
        agrees(copy)
        for key, version in before.items():
            found = restored.api.get(f"{ORDERS}/{key}")
            assert found.status == 200 and found.json["_version"] >= version, (key, found)
        # Versions given out after the restore are above all before, those of the original's later life included.
        written = restored.api.post(ORDERS, {"order_id": "new", "customer_id": "c1", "amount": 1})
        assert written.json["_version"] > last
        patched = restored.api.patch(f"{ORDERS}/w0-0", {"note": "after"}, {"If-Match": f'"{before["w0-0"]}"'})
        assert patched.status == 200, patched
        seen = restored.api.get(f"/api/tables/orders/rows?order_id=eq.new&at_least={written.json['_version']}")
        assert len(seen.json["items"]) == 1
        millrace.wait_drained(copy)
        agrees(copy)
        # A backup of the copy, and once more.
        backup(copy, tmp_path / "again")
    with millrace.Server(shop, copy):
        millrace.wait_drained(copy)
        agrees(copy)
    restore(tmp_path / "again", tmp_path / "third")
    with millrace.Server(shop, tmp_path / "third") as third:
        assert third.api.post(ORDERS, {"order_id": "more", "customer_id": "c1", "amount": 1}).json["_version"] \
            > written.json["_version"]
        millrace.wait_drained(tmp_path / "third")
        agrees(tmp_path / "third")
    # The first one was not touched.
    agrees(data)


def test_a_stopped_directory_and_one_that_was_killed(shop, data, tmp_path):
    with millrace.Server(shop, data) as server:
        for i in range(20):
            server.api.post(ORDERS, {"order_id": f"o{i}", "customer_id": "c", "amount": i})
        server.kill()
    backup(data, tmp_path / "killed")
    with millrace.Server(shop, data) as server:
        millrace.wait_drained(data)
    backup(data, tmp_path / "stopped")
    for made in ("killed", "stopped"):
        restore(tmp_path / made, tmp_path / f"from-{made}")
        with millrace.Server(shop, tmp_path / f"from-{made}"):
            millrace.wait_drained(tmp_path / f"from-{made}")
            verdict = agrees(tmp_path / f"from-{made}")
            assert verdict["collections"]["orders"]["history"]["records"]["rows"] == 20
            lake = millrace.sql(tmp_path / f"from-{made}", "SELECT count(*)::INT AS n FROM lake.orders_history")
            assert lake == [{"n": 20}]


@pytest.fixture
def made(server, data, tmp_path):
    for i in range(20):
        server.api.post(ORDERS, {"order_id": f"o{i}", "customer_id": "c", "amount": i})
    millrace.wait_drained(data)
    backup(data, tmp_path / "made")
    return tmp_path / "made"


def test_neither_writes_into_something_else(made, data, tmp_path):
    for to, why in ((made, "not empty"), (data / "inside", f"lies in {data}")):
        refused = backup(data, to, check=False)
        assert refused.returncode != 0 and why in refused.stderr, refused
    refused = restore(made, data, check=False)
    assert refused.returncode == 1 and "not empty" in refused.stderr
    refused = restore(made, made / "inside", check=False)
    assert refused.returncode != 0 and f"lies in {made}" in refused.stderr
    # The disk may not be mounted.
    refused = backup(data, tmp_path / "disk" / "made", check=False)
    assert refused.returncode == 5 and f"{tmp_path / 'disk'} is not there" in refused.stderr
    assert not (tmp_path / "disk").exists() and "bytes 0" not in refused.stderr
    theirs = tmp_path / "x.partial"
    theirs.mkdir()
    (theirs / "precious").write_text("mine")
    refused = backup(data, tmp_path / "x", check=False)
    assert refused.returncode == 1 and "move it away" in refused.stderr
    assert (theirs / "precious").read_text() == "mine"
    # An empty directory is as good as none.
    (tmp_path / "empty").mkdir()
    assert backup(data, tmp_path / "empty").returncode == 0


def test_a_backup_stays_one(made, shop, tmp_path):
    for work in (["serve", "--project", shop, "--set", "http.port=0"], ["pipelines", "run", "orders_now", "--project", shop]):
        refused = millrace.run(*work, "--data", made, check=False)
        assert refused.returncode == 1 and f"{made} is a backup" in refused.stderr and "millrace restore" in refused.stderr
    assert restore(made, tmp_path / "after").returncode == 0


def files_of(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_every_damaged_or_missing_file_is_named_and_nothing_is_left(made, tmp_path):
    for path in files_of(made):
        content = path.read_bytes()
        for damaged in (content[:-1], content + b"x", content[:-1] + bytes([content[-1] ^ 1]) if content else b"y"):
            path.write_bytes(damaged)
            refused = restore(made, tmp_path / "to", check=False)
            assert refused.returncode == 6 and path.name in refused.stderr, (path, refused)
        path.unlink()
        refused = restore(made, tmp_path / "to", check=False)
        assert refused.returncode == (5 if path.name == "MANIFEST" else 6) and path.name in refused.stderr, refused
        path.write_bytes(content)
    assert not (tmp_path / "to").exists() and not (tmp_path / "to.partial").exists()
    restore(made, tmp_path / "to")


def test_a_full_disk_leaves_nothing(server, data, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    small = tmp_path / "small"
    small.mkdir()
    for i in range(20):
        server.api.post(ORDERS, {"order_id": f"o{i}", "customer_id": "c", "amount": i})
    if os.system(f"mount -t tmpfs -o size=256k tmpfs {small}") != 0:
        pytest.skip("no mounts here")
    try:
        refused = backup(data, small / "backup", check=False)
        assert refused.returncode == 7 and "are free" in refused.stderr, refused
        assert list(small.iterdir()) == []
    finally:
        os.system(f"umount {small}")
    # The server goes on.
    assert server.api.post(ORDERS, {"order_id": "after", "customer_id": "c", "amount": 1}).status == 201


def test_what_was_redriven_while_a_backup_ran_is_in_the_copy(tmp_path, shop, data):
    """A backup copies tables and lakes first, letters and log later: what was redriven between is not lost."""
    refusing = (shop / "pipelines" / "orders_now.yaml").read_text().replace("amount >= 0", "amount < 50")
    (shop / "pipelines" / "orders_now.yaml").write_text(refusing)
    orders = "/api/collections/orders/records"
    with millrace.Server(shop, data) as server:
        for number in range(10):
            amount = 60 if number in (3, 7) else 5
            assert server.api.post(orders, {"order_id": f"o{number}", "customer_id": "c", "amount": amount}).status == 201
        millrace.wait_drained(data)
        before = json.loads(millrace.run("deadletters", "list", "--data", data, "--json").stdout)
        millrace.run("backup", tmp_path / "early", "--data", data)
        millrace.run("deadletters", "mend", "--all", "--data", data, "--set", "amount = 49", "--apply")
        millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet")
        millrace.wait_until(lambda: not millrace.dead_letters(data), what="redriven")
        # Dies and is redriven after the tables were copied.
        assert server.api.post(orders, {"order_id": "late", "customer_id": "c", "amount": 70}).status == 201
        millrace.wait_drained(data)
        millrace.run("deadletters", "mend", "--all", "--data", data, "--set", "amount = 48", "--apply")
        millrace.run("deadletters", "redrive", "--all", "--data", data, "--quiet")
        millrace.wait_until(lambda: not millrace.dead_letters(data), what="redriven")
        millrace.run("backup", tmp_path / "later", "--data", data)
        server.stop()
    assert len(before) == 4
    for name in ("early", "later"):
        millrace.run("restore", tmp_path / name, "--data", tmp_path / f"{name}-data")
    # What a backup has whose tables were copied at one time and whose letters at the other.
    mixed = tmp_path / "later-data"
    (mixed / "warehouse.duckdb").unlink()
    shutil.copy(tmp_path / "early-data" / "warehouse.duckdb", mixed)
    shutil.rmtree(mixed / "lake")
    shutil.copytree(tmp_path / "early-data" / "lake", mixed / "lake")
    rows = "SELECT order_id, amount::DOUBLE AS amount FROM {} ORDER BY ALL"
    expected = [{"order_id": "late", "amount": 48.0}] + [
        {"order_id": f"o{number}", "amount": 49.0 if number in (3, 7) else 5.0} for number in range(10)]
    with millrace.Server(shop, mixed) as server:
        for table in ("orders", "lake.orders_history"):
            millrace.wait_until(lambda: millrace.sql(mixed, rows.format(table)) == expected, what=f"{table} has all, once")
        millrace.wait_drained(mixed)
        assert millrace.dead_letters(mixed) == []
        assert millrace.verify(mixed)["agree"]
        # Nothing is left to redrive, and doing it changes nothing.
        millrace.run("deadletters", "redrive", "--all", "--data", mixed, "--quiet", check=False)
        assert millrace.sql(mixed, rows.format("orders")) == expected
        assert server.stop() == 0
