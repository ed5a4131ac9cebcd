"""Dead letters sent again, one core."""

import harness
import millrace
import projects
from harness import rounds, scaled
from rows_backlog import command_cpu

LETTERS = 100_000
RULE = "require: [quantity < 0]\n"


def content(backlog):
    return millrace.sql(backlog.data, "SELECT count(*) AS n, sum(hash(o)::HUGEINT)::VARCHAR AS h FROM "
                                      "(SELECT order_id, customer_name, region, amount, quantity, status FROM orders) o")[0]


def redrive_round(backlog):
    """The same events three times: good, refused by a rule, and sent again without it; each a process from exec to exit."""
    good, where = projects.table_pipeline(), ["--project", backlog.project, "--data", backlog.data]
    definition = backlog.project / "pipelines" / "orders_now.yaml"
    backlog.forget()
    clean = command_cpu("pipelines", "run", "orders_now", *where)
    expected = content(backlog)
    backlog.forget()
    definition.write_text(good.replace("sql: |", RULE + "sql: |", 1))
    first = command_cpu("pipelines", "run", "orders_now", *where)
    definition.write_text(good)
    if content(backlog)["n"] != 0:
        raise RuntimeError("the rule has let orders through")
    cpu = command_cpu("deadletters", "redrive", "--all", *where)
    if content(backlog) != expected:
        raise RuntimeError(f"the table holds {content(backlog)}, expected {expected}")
    return {"ratio": cpu / first, "to_clean": cpu / clean, "cpu_s": cpu, "first_cpu_s": first, "clean_cpu_s": clean}


def redrive(report):
    backlog = projects.Backlog(harness.directory("redrive"), {"orders_now": projects.table_pipeline()}, scaled(LETTERS))
    done = rounds(lambda _: redrive_round(backlog), watch=("loop_cpu_us",))
    ratio = done.median("ratio")
    report.add("redrive", "100 k dead letters sent again into a table with one lookup, one core", "<= 2x the CPU of their first run",
               f"{ratio:.2f}x", ratio <= 2, "./dev bench redrive", done,
               f"{done.median('cpu_s'):.2f} CPU-s, the run in which they died {done.median('first_cpu_s'):.2f}; "
               f"{done.median('to_clean'):.1f}x a run of the same events without the rule ({done.median('clean_cpu_s'):.2f}); "
               "the same rows in the end as of that one")


ROWS = {"redrive": redrive}
