"""Killed around the swap of a merge: the table is the old one or the new one, whole."""

import json
import shutil
import signal

import millrace
import pytest
from millrace import Server
from test_fail_points import HITS, MERGES, disk, lose_power  # noqa: F401

BATCH = 10_000   # records of one array
MOST = 500       # arrays, then the point was not reached

FACTS = """
collection: facts
key: id
fields:
  id: {type: bigint}
  n:  {type: bigint}
"""

FACTS_NOW = """
pipeline: facts_now
from: {changes: facts, start: earliest}
batch: {max_rows: 20000, max_wait: 10ms}
sql: SELECT id, n, _created_at, _updated_at, _version FROM changes
to:
  - table: {name: facts, key: id}
"""


def smallest_merge():
    """Setting that makes merges small, where there is one: else a merge takes 200,000 rows."""
    known = "warehouse.merge_rows" in (millrace.ROOT / "docs" / "reference" / "settings.md").read_text()
    return {"MILLRACE__WAREHOUSE__MERGE_ROWS": "10000"} if known else {}


def drive(server, start=0):
    """Creates until the server is gone; how many are acknowledged, and were sent."""
    acked = start
    for number in range(MOST):
        first = start + number * BATCH
        body = json.dumps([{"id": i, "n": -i} for i in range(first, first + BATCH)])
        try:
            answer = server.api.post("/api/collections/facts/records", body)
        except (OSError, millrace.http.client.HTTPException):
            return acked, first + BATCH
        assert answer.status == 201, answer
        acked = first + BATCH
    raise AssertionError("the fail point was not hit")


def check_table(data, acked, sent):
    """Arrays are atomic: the one without an answer is there whole or not at all."""
    millrace.wait_drained(data, 120)
    (row,) = millrace.sql(data, "SELECT count(*)::BIGINT AS n, count(DISTINCT id)::BIGINT AS ids, max(id)::BIGINT AS top, "
                                "sum(id + n)::BIGINT AS odd FROM facts")
    assert row["n"] in (acked, sent) and row == {"n": row["n"], "ids": row["n"], "top": row["n"] - 1, "odd": 0}
    assert millrace.verify(data)["agree"]
    return row["n"]


@pytest.mark.parametrize("name, hit", [(name, hit) for name in MERGES for hit in HITS])
def test_killed_at(name, hit, fault_binary, tmp_path, disk, journals):  # noqa: F811
    project = millrace.write_project(tmp_path / "project", {"facts": FACTS}, {"facts_now": FACTS_NOW})
    data = disk.place / f"{name}-{hit}"
    env = {"MILLRACE_FAILPOINT": f"{name}:kill:{hit}", "MILLRACE__WAREHOUSE__MERGE_PERCENT": "5", **smallest_merge()}
    with Server(project, data, binary=fault_binary, env=env) as server:
        acked, sent = drive(server)
        assert server.process.wait(30) == -signal.SIGKILL
    if hit != HITS[1]:
        lose_power(disk, hit)
    with Server(project, data) as server:
        rows = check_table(data, acked, sent)
        assert rows >= acked
        assert server.stop() == 0
    shutil.rmtree(data)
