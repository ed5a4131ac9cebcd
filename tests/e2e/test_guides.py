"""Guides that can be followed are followed: each `$ ` line runs in one shell, and every line that the guide shows below
it must appear; … stands for anything, and letters may have other numbers: sinks are threads."""

import os
import queue
import re
import socket
import subprocess
import threading
import time

import pytest

import millrace

SECONDS = 30


class Shell:
    def __init__(self, directory, port):
        path = f"{millrace.BINARY.parent}:{os.environ['PATH']}"
        self.process = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=directory,
            env={**os.environ, "PATH": path, "MILLRACE__HTTP__PORT": str(port)}, start_new_session=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.process.stdin.write("set -m\n")

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def run(self, command, expected):
        """Runs one command; what a server in the background says counts too. Looks again where it takes a moment."""
        until = time.monotonic() + SECONDS
        missing = [pattern(line) for line in expected]
        looks = command.startswith(("millrace deadletters list", "millrace sql", "millrace pipelines replay"))
        while True:
            seen = self._once(command, missing, until)
            left = [one for one in missing if not any(re.fullmatch(one, line) for line in seen)]
            if not left:
                return
            assert looks and time.monotonic() < until, f"$ {command}\nmissing: {left}\nseen:\n" + "\n".join(seen)

    def _once(self, command, patterns, until):
        self.process.stdin.write(command + "\necho; echo @@end\n")
        self.process.stdin.flush()
        seen = []
        background = command.partition("#")[0].rstrip().endswith("&")
        while True:
            if "@@end" in seen and not (background and not any(re.fullmatch(patterns[-1], line) for line in seen)):
                return seen
            try:
                line = self.lines.get(timeout=max(until - time.monotonic(), 0.01))
            except queue.Empty:
                line = None
            if line is None:
                return seen
            seen.append(line.rstrip())

    def close(self):
        self.process.stdin.write("kill $(jobs -p); wait\nexit\n")
        self.process.stdin.close()
        self.process.wait(SECONDS)


def pattern(line):
    escaped = ".*".join(map(re.escape, line.split("…")))
    return re.sub(r"^(letter\\ |)\d+\\ ", r"\1\\d+\\ ", escaped)


def steps(guide, port):
    """Commands with the lines that the guide shows directly below them."""
    found, showing = [], False
    for line in (millrace.ROOT / "docs" / "guides" / guide).read_text().replace("8080", str(port)).splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
            showing = True
        elif showing and line.startswith("    ") and found[-1][0].endswith("\\"):
            found[-1] = (found[-1][0][:-1] + line.strip(), [])
        elif showing and line.startswith("    "):
            found[-1][1].extend([line[4:].rstrip()] if line.strip() != "…" else [])
        else:
            showing = False
    return found


@pytest.mark.parametrize("guide", ["audit.md", "auth.md", "dead-letters.md", "live.md", "replay.md", "rules.md"])
def test_a_guide_can_be_followed(guide, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shell = Shell(tmp_path, port)
    try:
        for command, shown in steps(guide, port):
            shell.run(command, shown)
    finally:
        shell.close()
