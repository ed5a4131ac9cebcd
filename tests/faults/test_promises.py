"""docs/promises.md and the fault tests name each other."""

import pathlib
import re

import millrace

HERE = pathlib.Path(__file__)


def test_every_promise_has_its_tests_and_every_test_its_promise():
    named = set()
    for line in (millrace.ROOT / "docs" / "promises.md").read_text().splitlines():
        proven = re.search(r"\| `(test_\w+\.py)`: ([\w, ]+) \|$", line)
        if proven:
            named |= {(proven[1], name) for name in proven[2].split(", ")}
    there = {(path.name, name) for path in HERE.parent.glob("test_*.py") if path != HERE
             for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    assert named == there, f"only in promises.md: {named - there}; only in tests: {there - named}"
