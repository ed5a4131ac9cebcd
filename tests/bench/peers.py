"""Peers as processes: built once below build/bench, from sources and lock files of this folder."""

import os
import shutil
import subprocess
import tempfile
import time

import harness
import millrace

HERE = harness.ROOT / "tests" / "bench"


def made(name, stamp, command, into=None):
    """A copy of the peer's folder in which `command` ran; again when a file of the folder is newer."""
    source, target = HERE / name, into or harness.RESULTS / "peers" / name
    files = [path for path in source.rglob("*") if path.is_file()]
    if (target / stamp).exists() and (target / stamp).stat().st_mtime > max(path.stat().st_mtime for path in files):
        return target
    print(f"making {target.relative_to(harness.ROOT)} ...", flush=True)
    shutil.copytree(source, target, dirs_exist_ok=True)
    done = subprocess.run(command, cwd=target, shell=True, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return target


class Process:
    """A program whose CPU is counted; ended with SIGTERM."""

    def __init__(self, *command, env=None):
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.output, stderr=self.output,
                                        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})

    def wait_for(self, text, seconds=30):
        """Until the program printed it."""
        until = time.monotonic() + seconds
        while text not in self.printed():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{text!r} was not printed (exit {self.process.poll()}): {self.printed()[-2000:]}")
            time.sleep(0.02)
        return self

    def printed(self):
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")

    @property
    def pid(self):
        return self.process.pid

    cpu_seconds = millrace.Server.cpu_seconds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
