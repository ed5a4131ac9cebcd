"""docs/reference/checklist.md: every row is there, and every test that it names exists."""

import re

import millrace

ROWS = {*(f"A{n}" for n in range(1, 14)), *(f"B{n}" for n in range(1, 16)),
        *(f"E{n}" for n in (1, 2, 3, 4, 7, 8)), *(f"F{n}" for n in range(1, 13)), *(f"G{n}" for n in range(1, 10)),
        *(f"H{n}" for n in range(1, 11)), "L1", "M4", "M16", "M18"}


def test_every_row_names_tests_that_exist():
    seen = set()
    for line in (millrace.ROOT / "docs" / "reference" / "checklist.md").read_text().splitlines():
        if not re.match(r"\| [ABEFGHLM]\d+ ", line):
            continue
        row, _, tests, _ = (cell.strip() for cell in line.strip("|").split(" | ", 3))
        seen.add(row)
        assert tests, row
        for group in tests.split("; "):
            path, names = re.fullmatch(r"`([\w/.]+)`: (.+)", group).groups()
            text = (millrace.ROOT / path).read_text()
            for name in names.split(", "):
                suite, _, case = name.rpartition(".")
                pattern = rf"TEST(_F|_P)?\({suite}, {case}\)" if suite else rf"^def {name}\("
                assert re.search(pattern, re.sub(r",\s+", ", ", text), re.M), f"{row}: {path} has no {name}"
    assert seen == ROWS
