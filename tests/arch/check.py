#!/usr/bin/env python3
"""The rules of the house that no compiler checks; ./dev lint runs this. Layers are CMake's."""
import functools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_LINES = 400
MAX_METHODS = 8
MAX_SUBJECT = 72

# Exceptions to a rule: (rule, path) -> why it is right there.
ALLOWED = {
    ("throw", "src/app/commands/query.cpp"): "CLI11 takes a refusal from a callback as an exception",
    ("throw", "src/app/commands/deadletters.cpp"): "CLI11 takes a refusal from a callback as an exception",
    ("throw", "src/app/commands/import.cpp"): "CLI11 takes a refusal from a callback as an exception",
    ("throw", "src/http/server_test.cpp"): "a handler that throws is what the test is about",
}

VENDOR = r"duckdb\.h|sqlite3\.h|boost/|simdjson|yaml-cpp/|CLI/|nlohmann/|xxhash\.h|zlib\.h|openssl/|argon2\.h|crypt\.h"
REGISTRIES = [  # in parts, so that this file passes its own rule
    "deb." + "debian.org", "proxy." + "golang.org", "py" + "pi.org", "pythonhosted" + ".org",
    "registry." + "npmjs", "crates" + ".io", "docker" + ".io", "ghcr" + ".io",
]
problems = []


def report(rule, path, line, text):
    if (rule, path) not in ALLOWED:
        problems.append(f"{path}:{line}: {text} [{rule}]")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


@functools.cache
def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


LITERALS = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


@functools.cache
def code(path):
    """The file without comments and with empty string literals; line numbers stay."""
    def blank(match):
        lines = "\n" * match.group().count("\n")
        return lines if match.group("comment") else '""' + lines
    return LITERALS.sub(blank, read(path))


def each_match(rule, path, text, pattern, message):
    for match in re.finditer(pattern, text):
        report(rule, path, text.count("\n", 0, match.start()) + 1, message)


def is_port_header(path):
    """src/ROOM/include/...: the surface of a room. Adapters stand one folder deeper."""
    return re.fullmatch(r"src/[^/]+/include/.+\.hpp", path) is not None


def is_public_header(path):
    return re.fullmatch(r"src/.+/include/.+\.hpp", path) is not None


def is_adapter(path):
    """src/ROOM/ADAPTER/...; `testing` and `commands` are folders of the room itself."""
    match = re.match(r"src/[^/]+/([^/]+)/", path)
    return match is not None and match.group(1) not in ("include", "testing", "commands")


PURE = re.compile(r"^\s*virtual\b[^;{]*=\s*0\s*;", re.MULTILINE)


def check_source(path):
    text = code(path)
    if not is_adapter(path):
        each_match("throw", path, text, r"\bthrow\b", "only adapters may throw, and only inside")
    each_match("detached", path, text, r"\bdetached\b", "work that nobody waits for")
    if path.endswith("_test.cpp") or "/testing/" in path:
        each_match("sleep", path, text, r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(",
                   "a test that sleeps is slow or flaky: wait for the event")
    if is_public_header(path):
        each_match("vendor", path, read(path), rf'#include [<"]({VENDOR})',
                   "no public header names a vendor's type")
    lines = read(path).count("\n")
    if lines > MAX_LINES:
        report("size", path, lines, f"{lines} lines, at most {MAX_LINES}")


def check_ports(path):
    """Pure virtuals of a public header: documented, and few in each class."""
    text = read(path)
    lines = text.split("\n")
    for match in PURE.finditer(code(path)):
        line = code(path).count("\n", 0, match.start(0) + len(match.group()) - len(match.group().lstrip())) + 1
        documented = lines[line - 2].lstrip().startswith("///") or "///<" in lines[line - 1]
        if not documented:
            report("contract", path, line, "a pure virtual without a `///` comment above it")
    for body in re.split(r"^(?:class|struct)\b", code(path), flags=re.MULTILINE)[1:]:
        methods = len(PURE.findall(body))
        if methods > MAX_METHODS:
            report("port", path, 1, f"{body.split()[0]} has {methods} methods, at most {MAX_METHODS}")


def check_conformance(paths):
    """Every adapter of a room with testing/conformance.hpp instantiates each of its suites."""
    for suite in (path for path in paths if re.fullmatch(r"src/[^/]+/testing/conformance\.hpp", path)):
        room = suite.split("/")[1]
        in_room = [path for path in paths if path.startswith(f"src/{room}/")]
        names = {name for path in in_room if "/testing/" in path
                 for name in re.findall(r"TEST_P\(\s*(\w+)", code(path))}
        adapters = {path.split("/")[2] for path in in_room if is_adapter(path)}
        if not names or not adapters:
            report("conformance", suite, 1, "no case, or no adapter, found")
        for adapter in adapters:
            tests = [path for path in in_room
                     if path.startswith(f"src/{room}/{adapter}/") and path.endswith("_test.cpp")]
            run = {name for path in tests
                   for name in re.findall(r"INSTANTIATE_TEST_SUITE_P\(\s*\w+,\s*(\w+)", code(path))}
            for name in sorted(names - run):
                report("conformance", f"src/{room}/{adapter}", 1, f"does not instantiate {name}")


def check_text(path):
    text = read(path)
    marks = "TO" + "DO|FIX" + "ME"
    each_match("todo", path, text, rf"\b(?:{marks})\b(?!\(docs/decisions/)",
               "name the decision, or write it into docs/limits.md")
    each_match("machine", path, text, r"(?<![\w.$}])/wo" + r"rk/", "a path of one machine")
    for host in REGISTRIES:
        each_match("registry", path, text, re.escape(host), "a host that only ./dev's tools need to know")


def check_head():
    subject = git("log", "-1", "--format=%s").strip()
    if subject.startswith("Merge "):
        return
    if not re.match(r"[a-z0-9][a-z0-9_./-]*(, [a-z0-9_./-]+)*: \S", subject) or len(subject) > MAX_SUBJECT:
        report("commit", "HEAD", 1, f"`area: what` in {MAX_SUBJECT} characters, not: {subject}")


def main():
    paths = [path for path in git("ls-files").splitlines() if (ROOT / path).is_file()]
    sources = [path for path in paths if re.fullmatch(r"(src|tests)/.+\.[ch]pp", path)]
    for path in sources:
        check_source(path)
    for path in filter(is_port_header, sources):
        check_ports(path)
    check_conformance(sources)
    for path in paths:
        if path.endswith((".cpp", ".hpp", ".c", ".py", ".md", ".txt", ".cmake", ".json", ".yaml", ".yml", ".sql")) \
                or "." not in pathlib.PurePath(path).name:
            check_text(path)
    check_head()
    for rule, path in ALLOWED:
        if path not in paths:
            problems.append(f"tests/arch/check.py: {path} is allowed [{rule}], but is gone")
    for problem in problems:
        print(problem)
    print(f"architecture: {len(sources)} sources, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
