"""What all measurements share: programs, the machine's limits, rounds, and the report.

Rules: our figure, the limit and the peer are taken in turns in one run; the limits are
measured between any two rounds, and a round in which they moved by more than a quarter is
dropped and repeated; a figure is the median of the rounds that are left."""

import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

BUILD = pathlib.Path(os.environ.get("MR_BUILD", ROOT / "build" / "release"))
PROGRAMS = BUILD / "bench"
RESULTS = ROOT / "build" / "bench"
VENV_PYTHON = ROOT / "build" / "venv" / "bin" / "python"
DUCKDB = "duckdb==1.5.5"
MOVED = 0.25


class Options:
    rounds = 5
    scale = 1.0  # of seconds and rows; figures of a scaled run are for trying out only
    smoke = False  # only whether a row still runs: no figure means anything


OPTIONS = Options()


def scaled(number, least=1):
    return max(least, int(number * OPTIONS.scale))


def directory(name, fresh=True):
    """Where a measurement keeps its data: on the disk that the build is on."""
    path = RESULTS / "data" / name
    if fresh and path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def program(name, *args, prefix=(), timeout=3600):
    """Runs a program of this folder that prints one line of JSON."""
    command = [*prefix, str(PROGRAMS / f"bench_{name}"), *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def load(port, **options):
    args = ["--port", port]
    for name, value in options.items():
        args += [f"--{name}", value]
    answer = program("load", *args)
    if answer["errors"]:
        raise RuntimeError(f"{answer['errors']} of {answer['requests']} requests failed: "
                           f"{answer['statuses']} {answer['first_error']}")
    return answer


def duckdb_python():
    if not VENV_PYTHON.exists():
        print(f"making build/venv with {DUCKDB} ...", file=sys.stderr)
        subprocess.run(["/usr/bin/python3", "-m", "venv", str(VENV_PYTHON.parents[1])], check=True)
    probe = subprocess.run([str(VENV_PYTHON), "-c", "import duckdb"], capture_output=True)
    if probe.returncode != 0:
        subprocess.run([str(VENV_PYTHON), "-m", "pip", "install", "-q", DUCKDB], check=True)
    return str(VENV_PYTHON)


def peer(script, *args, prefix=(), timeout=3600):
    """Runs duck.py, which prints one line of JSON."""
    command = [*prefix, duckdb_python(), str(ROOT / "tests" / "bench" / "duck.py"), script, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"duck.py {script}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def thread_cpu_seconds(pid):
    """Of all threads that live, to the nanosecond (the other counter has ticks of 10 ms)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def memory(pid):
    """(RSS now, peak RSS) in MB of 10^6 bytes."""
    values = {}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(("VmRSS", "VmHWM")):
                values[line[:5]] = int(line.split()[1]) * 1024 / 1e6
    return values["VmRSS"], values["VmHWM"]


def limits():
    RESULTS.mkdir(parents=True, exist_ok=True)
    return program("limits", RESULTS, 200)


def moved(before, after, names):
    """The limits that moved by more than a quarter, as text."""
    return ", ".join(f"{name} {before[name]:.0f} -> {after[name]:.0f}" for name in names
                     if abs(after[name] - before[name]) > MOVED * min(before[name], after[name]))


def rounds(run, watch=("loop_cpu_us", "fdatasync_p50_us"), count=None, attempts=None):
    """Results of `count` rounds in which the limits `watch` held still. Those of rounds in
    which they did not are taken only if there are not enough others, and say so."""
    count = count or OPTIONS.rounds
    kept, dropped = [], []
    before = limits()
    for number in range(1 if OPTIONS.smoke else attempts or 2 * count):
        result = run(number)
        after = limits()
        result["limits"] = {name: (before[name] + after[name]) / 2 for name in before}
        result["load_average"] = os.getloadavg()[0]
        result["moved"] = moved(before, after, watch)
        (dropped if result["moved"] else kept).append(result)
        print(f"  round {number + 1}{' dropped: ' + result['moved'] if result['moved'] else ''}", file=sys.stderr)
        before = after
        if len(kept) == count:
            break
    missing = count - len(kept)
    return Rounds(kept + dropped[len(dropped) - missing:] if missing > 0 else kept, dropped, max(0, missing))


class Rounds(list):
    """The rounds that count; `restless` of them had a limit that moved."""

    def __init__(self, results, dropped, restless):
        super().__init__(results)
        self.dropped = len(dropped)
        self.restless = min(restless, len(results))

    def values(self, name):
        return [result[name] for result in self]

    def median(self, name):
        return statistics.median(self.values(name))

    def limit(self, name):
        return statistics.median(result["limits"][name] for result in self)


class Report:
    """Collects rows of the table, prints them, and keeps the raw figures."""

    def __init__(self, arguments):
        self.rows = []
        self.arguments = arguments

    def add(self, name, what, goal, figure, met, command, results=None, extra=""):
        row = {"name": name, "what": what, "goal": goal, "figure": figure, "met": bool(met), "command": command,
               "extra": extra}
        if isinstance(results, Rounds):
            row["rounds"], row["restless"], row["dropped"] = len(results), results.restless, results.dropped
            row["fdatasync_p50_us"] = results.limit("fdatasync_p50_us")
            row["loop_cpu_us"] = results.limit("loop_cpu_us")
        row["raw"] = results
        self.rows.append(row)
        if OPTIONS.smoke:
            return
        print(f"{'ok   ' if met else 'LOSES'} {name}: {figure}   (asked: {goal})")
        notes = [extra] if extra else []
        if "rounds" in row:
            notes.append(f"{row['rounds']} rounds, {row['dropped']} dropped"
                         + (f", {row['restless']} taken although a limit moved" if row["restless"] else "")
                         + f"; fdatasync p50 {row['fdatasync_p50_us']:.0f} us, loop {row['loop_cpu_us'] / 1000:.1f} ms")
        for note in notes:
            print(f"        {note}")
        print(f"        $ {command}", flush=True)

    def save(self):
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime())
        path.write_text(json.dumps({"machine": machine(), "arguments": self.arguments, "rows": self.rows}, indent=1))
        return path


def machine():
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout.strip()

    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"commit": output("git", "rev-parse", "--short", "HEAD"),
            "changed": bool(output("git", "status", "--porcelain", "-uno")),
            "kernel": platform.release(), "cpu": cpu, "cores": os.cpu_count(), "load_average": os.getloadavg(),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def build():
    """Programs and server, without tests; a build with checks in it is not measured."""
    environment = {**os.environ, "MR_LAUNCHER": os.environ.get("MR_LAUNCHER", "ccache")}
    if "MR_BUILD" not in os.environ:
        subprocess.run(["cmake", "--preset", "release", "-DMR_BENCH=ON"], cwd=ROOT, check=True, env=environment,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", str(BUILD), "millrace", "bench"], check=True, env=environment,
                       stdout=sys.stderr)
    cache = (BUILD / "CMakeCache.txt").read_text()
    if "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" not in cache or "MR_SANITIZE:STRING=\n" not in cache \
            or "MR_FAIL_POINTS:BOOL=ON" in cache:
        sys.exit(f"{BUILD} is not a release build: its figures would mean nothing")
