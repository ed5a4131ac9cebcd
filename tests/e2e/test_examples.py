"""The READMEs of the order pipelines work as they stand: their commands, from the first to the last, are one script."""

import os
import re
import subprocess

import pytest

import millrace

SECONDS = 200
# What the README asks for and is not ours: a program that runs one query over Parquet.
DUCKDB = f"""#!{millrace.ROOT}/build/venv/bin/python
import duckdb, sys
duckdb.sql(sys.argv[2]).show()
"""


def readme(example):
    return (millrace.ROOT / "examples" / example / "README.md").read_text()


def commands(text):
    """Its blocks of code; one inside of a list, too."""
    return "\n".join(re.findall(r"^ {4,6}(?! )(.*(?:\n {5,}.*)*)", text, re.MULTILINE))


def run(example, directory, changes):
    """Every command must end with 0; what they printed. `changes`: patterns that the script must have, and what stands
    there instead."""
    script = commands(readme(example))
    port = str(millrace.free_port())
    for old, new in [*changes, (r"8080", port), (r"(millrace simulate \w+)", rf"\1 --url http://127.0.0.1:{port}")]:
        script, times = re.subn(old, new, script)
        assert times > 0, old
    millrace.venv_python("pass")
    duckdb = directory / "bin" / "duckdb"
    duckdb.parent.mkdir()
    duckdb.write_text(DUCKDB)
    duckdb.chmod(0o755)
    # The trap ends the server of a script that failed.
    text = f"trap 'kill %1 2>/dev/null || true; wait' EXIT\nset -eo pipefail\n{script}\n"
    done = subprocess.run(["bash"], input=text, capture_output=True, text=True, cwd=directory, timeout=SECONDS,
                          env={**os.environ, "PATH": f"{duckdb.parent}:{millrace.BINARY.parent}:{os.environ['PATH']}"})
    assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def until(*questions):
    """Waits where a reader of the README would look again."""
    return "".join(f"until {question}; do sleep 0.1; done\n" for question in questions)


def test_orders_warehouse(tmp_path):
    arrived = until("millrace sql --data data 'FROM orders_cdc_rows' | grep -q ORDER-7,CUSTOMER-3",
                    "millrace sql --data data 'FROM orders_cdc_deleted' | grep -q 65f0",
                    "millrace sql --data data 'FROM orders_deleted' | grep -q ORDER-1,")
    (join,) = re.findall(r"millrace sql .* LEFT JOIN .*", commands(readme("orders-warehouse")))
    out = run("orders-warehouse", tmp_path, [("--for 10m", "--for 2m"), ("kill %1", f"{arrived}{join}\nkill %1")])
    assert re.search(r"^pending,\d+,[\d.]+$", out, re.MULTILINE)  # the first question
    assert re.search(r"^ORDER-1,.*,\w{32},\S+Z$", out, re.MULTILINE)  # an order, and when it was deleted
    assert re.search(r"^count_star\(\)\n20$", out, re.MULTILINE)  # the bounded run
    assert "table orders: built anew up to offset" in out


def test_orders_lake(tmp_path):
    soon = "sed -i 's/every: 60s/every: 200ms/' shop/pipelines/orders*.yaml\n"  # files are closed sooner than in life
    visible = until("millrace sql --data data 'FROM lake.transformed_orders' 2>/dev/null | grep -q ^update,",
                    "millrace trace --data data orders_cdc@0 | grep -q 'dead letter'")
    out = run("orders-lake", tmp_path, [("(?m)^(millrace serve)", soon + r"\1"), ("sleep 60", visible),
                                        ("--for 10m", "--for 2m")])
    assert re.search(r"^insert,\d+$", out, re.MULTILINE) and re.search(r"^update,\d+$", out, re.MULTILINE)
    assert "stage decode" in out  # the first event of the stream, traced to its letter
    assert "cdc_operation_type" in out and "│" in out  # as another program reads it
