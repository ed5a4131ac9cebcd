"""How commands end: what standard output did not take, what is not there, what was asked for wrongly."""

import json
import os
import resource
import shutil
import subprocess

import pytest

import millrace
from accounts import closed_project

FAILED, USAGE, BAD_PROJECT, IN_USE, NOT_THERE, READER_GONE = 1, 2, 3, 4, 5, 141
ROWS = "SELECT i, 'some text of a row' AS text FROM range(10_000_000_000) r(i)"


def run_into(stdout, *args):
    return subprocess.run([str(millrace.BINARY), *map(str, args)], stdout=stdout, stderr=subprocess.PIPE, timeout=60)


@pytest.fixture
def written(shop, data):
    """A data directory with 3,000 changes in the log."""
    with millrace.Server(shop, data) as server:
        for i in range(3):
            batch = [{"order_id": f"o{i}-{k}", "customer_id": "c", "amount": 1, "note": "n" * 300} for k in range(1000)]
            assert server.api.post("/api/collections/orders/records", batch).status == 201
        millrace.wait_drained(data)
    return data


def test_what_stdout_does_not_take_is_a_failure(written, shop):
    read = ("log", "read", "orders", "--data", written, "--limit", "100000")
    listed = ("sql", "--data", written, "SELECT a.* FROM orders a, range(10)")
    for command in (("sql", "SELECT 1"), ("sql", ROWS), read, listed, ("config", "--project", shop), ("--help-all",)):
        with open("/dev/full", "wb") as full:
            cut = run_into(full, *command)
        assert cut.returncode == FAILED and b"standard output" in cut.stderr, (command, cut)
        # As `| head -1` that has its line.
        reader, writer = os.pipe()
        os.close(reader)
        gone = run_into(writer, *command)
        os.close(writer)
        assert gone.returncode == READER_GONE and not gone.stderr, (command, gone)


def test_wrong_words_are_usage(shop, data, tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("order_id\n")
    for command in (("sql", "--format", "xml", "SELECT 1"), ("init", tmp_path / "x", "--example", "nope"),
                    ("import", "orders", file, "--url", "nonsense"), ("verify", "--data", data, "--slice", "5s"),
                    ("verify", "--data", data, "--slice", "abc"), ("deadletters", "list", "--limit", "0"),
                    ("backup", "", "--data", data), ("restore", tmp_path, "--data", ""),
                    ("import", "orders", file, "--map", "X"), ("import", "orders", file, "--errors", file),
                    ("replay", file, "--speed", "1e-300x"), ("replay", file, "--set", "x"),
                    ("log", "read", "orders", "--codec", "bogus"),
                    ("pipelines", "replay", "orders_now", "--lake-to", "../x")):
        wrong = millrace.run(*command, check=False)
        assert wrong.returncode == USAGE and not wrong.stdout, (command, wrong)
    assert file.read_text() == "order_id\n"


NOT_NUMBERS = [("--speed", "abc"), ("--speed", "1e-300x"), ("--speed", "nan"), ("--for", "5"), ("--for", "nans"),
               ("--for", "1e308h"), ("--delete-every", "10"), ("--dirty-every", "0.1ms"), ("--rate", "1e-300"),
               ("--rate", "nan"), ("--seed", "-1"), ("--seed", "99999999999999999999"), ("--count", "0"),
               ("--count", "-1"), ("--retry-seconds", "-1")]


def test_numbers_do_not_wrap():
    for flag, value in NOT_NUMBERS:
        wrong = millrace.run("simulate", "orders", flag, value, "--retry-seconds=0", "--url=http://127.0.0.1:1",
                             check=False)
        assert wrong.returncode == USAGE and flag in wrong.stderr and "0000000000000" not in wrong.stderr, wrong
    bulk = millrace.run("simulate", "bulk", "--rows", str(2**64 - 1), check=False)
    assert bulk.returncode == USAGE and "must be at most" in bulk.stderr
    assert "--count: must be at least 1" in millrace.run("simulate", "orders", "--count", "0", check=False).stderr


def test_what_is_not_there_is_not_made(written, shop, tmp_path):
    nope = millrace.run("log", "read", "nope", "--data", written, check=False)
    assert nope.returncode == NOT_THERE and "millrace log list" in nope.stderr
    closed = closed_project(tmp_path / "closed", {"orders": (shop / "collections" / "orders.yaml").read_text()})
    token = tmp_path / "token"
    token.write_text("x\n")
    for command in (("users", "list"), ("users", "remove", "a@b.c"), ("keys", "list"), ("tokens", "rotate")):
        absent = millrace.run(*command, "--data", tmp_path / "mistyped", "--project", closed, check=False)
        assert absent.returncode == NOT_THERE and not (tmp_path / "mistyped").exists(), (command, absent)
    with millrace.Server(shop, written):
        taken = millrace.run("demo", "--data", written, "--port", "0", "--exit", check=False)
        assert taken.returncode == IN_USE, taken


def test_init_without_room_leaves_nothing(tmp_path):
    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

    there = tmp_path / "there"
    (there / ".git").mkdir(parents=True)
    for directory in (tmp_path / "new", there):
        cut = millrace.run("init", directory, check=False, preexec_fn=little_room, restore_signals=False)
        assert cut.returncode not in (0, USAGE), cut
    assert not (tmp_path / "new").exists() and [path.name for path in there.iterdir()] == [".git"]


def test_check_and_config_see_what_serve_sees(shop, tmp_path):
    def problems(project, *flags):
        checked = millrace.run("check", "--project", project, "--json", *flags, check=False)
        assert checked.returncode == BAD_PROJECT, checked
        return " ".join(problem["message"] for problem in json.loads(checked.stdout))

    assert "only a loopback address" in problems(shop, "--set", "http.address=0.0.0.0")
    r0 = tmp_path / "r0"
    shutil.copytree(millrace.ROOT / "examples" / "gateway-auth", r0)
    (r0 / ".env").write_text("LOG_LEVEL=verbose\n")
    settings = json.loads(millrace.run("config", "--project", r0, "--json").stdout)
    assert "LOG_LEVEL" in json.dumps(settings) and "debug" in json.dumps(settings)
    (r0 / ".env").write_text("THROTTLE_LIMIT=many\n")
    assert "throttle.limit" in problems(r0)
    (r0 / ".env").unlink()
    with open(r0 / "millrace.yaml", "a") as file:
        file.write("cors: {origins: ['https://a.example']}\ntrusted_proxies: [10.0.0.0/8]\n"
                   "limits: [{name: all, requests: 5, every: 1s}]\n")
    told = problems(r0)
    for field in ("cors", "trusted_proxies", "limits"):
        assert f"{field} has no effect" in told
    bad = millrace.run("config", "--project", r0, "--json", check=False)
    assert bad.returncode == BAD_PROJECT and len(json.loads(bad.stdout)) == 3


def test_a_replay_keeps_the_order_of_a_key(shop, data, tmp_path):
    """Also where the key of a create stands in its body alone; and the query may end as queries do."""
    sql = tmp_path / "orders.sql"
    sql.write_text("""SELECT now() AS at, op, 'orders' AS collection, CASE op WHEN 'update' THEN 'o' || i END AS key,
        CASE op WHEN 'create' THEN json_object('order_id', 'o' || i, 'customer_id', 'c', 'amount', 1)
                ELSE json_object('amount', 2) END AS body
        FROM range(400) r(i), (VALUES ('create'), ('update')) v(op) ORDER BY i, op;
""")
    with millrace.Server(shop, data) as server:
        summary = json.loads(millrace.run("replay", sql, "--url", f"http://127.0.0.1:{server.port}", "--json").stdout)
        assert summary["operations"] == 800 and summary["refused"] == 0
        assert len(server.api.get("/api/collections/orders/records?amount=eq.2&limit=500").json["items"]) == 400


LETTERS = 10_050


def test_every_letter_is_listed_shown_and_redriven(shop, data):
    def letters(*args, expect=0):
        result = millrace.run("deadletters", *args, "--data", data, check=False)
        assert result.returncode == expect, (args, result.returncode, result.stderr[-500:])
        return result

    pipeline = shop / "pipelines" / "orders_now.yaml"
    pipeline.write_text(pipeline.read_text().replace("amount >= 0", "amount >= 1").replace("  - lake:", "#"))
    with millrace.Server(shop, data) as server:
        for at in range(0, LETTERS, 1000):
            batch = [{"customer_id": "c", "amount": 0} for _ in range(min(1000, LETTERS - at))]
            assert server.api.post("/api/collections/orders/records", batch).status == 201
        millrace.wait_drained(data)
        assert f"{LETTERS} letters would be sent again" in letters("redrive", "--all", "--dry-run").stdout
        many = [str(i) for i in range(1, 152)]
        assert letters("show", *many).stdout.count("event_id") == 151
        assert letters("show", "1", "1").stdout.count("event_id") == 1
        assert "1 of 2 letters are not there" in letters("show", "1", "99999", expect=NOT_THERE).stderr
        assert not letters("list", "--json", "--state", "nope", expect=FAILED).stdout


CDC = """
pipeline: orders_cdc
from: {stream: orders_cdc, codec: mongodb-change-stream, collection: orders}
batch: {max_wait: 20ms}
sql: SELECT c.order_id, c.note FROM changes c
to:
  - table: {name: orders, key: order_id}
"""
SOURCE = "collection: orders\nkey: order_id\nfields:\n  order_id: {type: text}\n  note: {type: text}\n"
STREAM = "stream: orders_cdc\nformat: raw\n"


def test_a_rebuild_loses_nothing_and_can_be_repeated(tmp_path, data):
    project = millrace.write_project(tmp_path / "project", {"orders": SOURCE}, {"orders_cdc": CDC},
                                     streams={"orders_cdc": STREAM})

    def rebuild(expect):
        result = millrace.run("pipelines", "rebuild", "orders_cdc", "--project", project, "--data", data, check=False)
        assert result.returncode == expect, result
        return result

    def send(server, i, size):
        event = {"operationType": "insert", "clusterTime": {"$timestamp": {"t": i + 1, "i": 1}},
                 "timestamp": "2026-11-21T07:00:05.000Z", "documentKey": {"order_id": f"o{i}"},
                 "fullDocument": {"order_id": f"o{i}", "note": "n" * size}}
        assert server.api.post("/api/streams/orders_cdc/events", json.dumps(event).encode(),
                               {"Content-Type": "application/octet-stream"}).status == 201

    with millrace.Server(project, data) as server:
        send(server, 0, 10)
        millrace.wait_drained(data)
    assert "table orders: dropped" in rebuild(0).stdout
    assert "table orders: was not there" in rebuild(0).stdout
    with millrace.Server(project, data, args=["--set", "log.segment_size=1MiB", "--set", "log.max_bytes=3MiB"]) as server:
        for i in range(1, 30):
            send(server, i, 200_000)
            millrace.wait_drained(data)
        rows = millrace.sql(data, "SELECT count(*) AS n FROM orders")
    assert rows == [{"n": 30}]
    assert "the log of orders_cdc begins at" in rebuild(FAILED).stderr
    assert millrace.sql(data, "SELECT count(*) AS n FROM orders") == rows


def test_a_wrong_project_is_told_from_a_refusal(shop, data, tmp_path):
    nope = ("--project", tmp_path / "nope", "--data", data)
    with millrace.Server(shop, data):
        wrong = millrace.run("pipelines", "replay", "orders_now", *nope, check=False)
        assert wrong.returncode == BAD_PROJECT, wrong
    wrong = millrace.run("log", "read", "orders", "--codec", "operation-data", *nope, check=False)
    assert wrong.returncode == BAD_PROJECT, wrong


def test_only_what_another_process_holds_is_in_use(shop, data, tmp_path):
    with millrace.Server(shop, data) as server:
        port = str(server.port)
        taken = millrace.run("serve", "--project", shop, "--data", tmp_path / "other", "--port", port, check=False)
        assert taken.returncode == FAILED and "listen at" in taken.stderr
        gap = millrace.run("pipelines", "resnapshot", "orders_now", "--lake-gap", "--project", shop, "--data", data,
                           check=False)
        assert gap.returncode == FAILED and "no lake of orders_now has lost" in gap.stderr
        assert "replay of" not in gap.stderr and "0/s" not in gap.stderr
    a_file = millrace.run("serve", "--project", shop, "--data", shop / "millrace.yaml", check=False)
    assert a_file.returncode == FAILED, a_file


def test_tail_says_what_it_waits_for(written):
    with subprocess.Popen([str(millrace.BINARY), "log", "tail", "nope", "--data", str(written)],
                          stderr=subprocess.PIPE) as tail:
        assert b"no stream nope yet; waiting" in tail.stderr.readline()
        tail.terminate()
