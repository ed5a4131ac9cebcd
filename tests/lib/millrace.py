"""What end-to-end and fault tests share: a server process, its API and its command line.

Only the public surface is used: the binary, HTTP, and the files readers may read."""

import datetime
import http.client
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MR_BUILD", ROOT / "build" / "release"))
BINARY = BUILD / "millrace"
FAULT_BINARY = pathlib.Path(os.environ.get("MR_FAULT_BUILD", ROOT / "build" / "faults")) / "millrace"
READY_SECONDS = 60


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:1500]!r}>"


class Api:
    """One keep-alive connection to a server; not thread-safe."""

    def __init__(self, port, timeout=30):
        self.port = port
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            self.connection.request(method, path, body=body, headers=headers)
            response = self.connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def patch(self, path, body, headers=None):
        return self.request("PATCH", path, body, headers)

    def put(self, path, body, headers=None):
        return self.request("PUT", path, body, headers)

    def delete(self, path, headers=None):
        return self.request("DELETE", path, headers=headers)


def quote(text):
    return urllib.parse.quote(text, safe="")


class Server:
    """`millrace serve` as a process. Use as a context manager: ends by SIGTERM, or by
    SIGKILL of exactly this process."""

    def __init__(self, project, data, port=0, binary=BINARY, env=None, args=(), wait=True, prefix=()):
        self.project, self.data = pathlib.Path(project), pathlib.Path(data)
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*prefix, str(binary), "serve", "--project", str(project), "--data", str(data), "--port", str(port), *args],
            stdout=subprocess.PIPE, stderr=self.stderr, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})})
        self.port = None
        if not wait:
            return
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise

    def wait_ready(self, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, left))
            chunk = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                code = self.process.poll()
                raise RuntimeError(f"not ready (exit {code}, {line!r}): {self.errors()}")
            line += chunk
        text = line.decode().strip().splitlines()[-1]
        assert text.startswith("ready http://127.0.0.1:"), text
        self.port = int(text.rsplit(":", 1)[1])
        self.api = Api(self.port)

    def errors(self):
        self.stderr.seek(0)
        return self.stderr.read().decode("utf-8", "replace")[-8000:]

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self, seconds=15):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def rss_bytes(self):
        for line in open(f"/proc/{self.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stdout.close()
        self.stderr.close()


def run(*args, binary=BINARY, check=True, timeout=600, env=None, cwd=None, text=True, **more):
    """The command line; CompletedProcess."""
    result = subprocess.run([str(binary), *map(str, args)], capture_output=True, text=text, timeout=timeout,
                            env={**os.environ, **(env or {})}, cwd=cwd, stdin=subprocess.DEVNULL, **more)
    if check and result.returncode != 0:
        raise AssertionError(f"{args}: exit {result.returncode}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
    return result


def sql(data, query, **more):
    return json.loads(run("sql", "--data", data, "--format", "json", query, **more).stdout)


def status(data):
    return json.loads(run("status", "--data", data, "--json").stdout)


def dead_letters(data):
    return json.loads(run("deadletters", "list", "--data", data, "--json", "--limit", 10**9).stdout)


def log_events(data, stream, binary=BINARY):
    """Every event of a stream of the log; none when there is no such stream."""
    if not any(one["stream"] == stream for one in json.loads(run("log", "list", "--data", data, "--json").stdout)):
        return []
    out = run("log", "read", stream, "--data", data, "--limit", 10**12, binary=binary).stdout
    return [json.loads(line) for line in out.splitlines()]


def deadletters(command, data, *args, expect=0):
    """What `millrace deadletters COMMAND` prints; `expect`: its exit code."""
    result = run("deadletters", command, "--data", data, *args, check=False)
    assert result.returncode == expect, (args, result.stdout, result.stderr)
    return result.stdout


def verify(data, *args):
    """The verdict, whether it agrees or not."""
    result = run("verify", "--data", data, "--json", *args, check=False)
    if result.returncode not in (0, 1, 8, 9) or not result.stdout:
        raise AssertionError(f"verify: exit {result.returncode}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
    return json.loads(result.stdout)


def in_slice(piece, at):
    """Whether the time (RFC 3339) is in the slice. As texts "…00Z" would come after "…00.09Z"."""
    begin, time_of, end = (datetime.datetime.fromisoformat(text) for text in (piece["begin"], at, piece["end"]))
    return begin <= time_of < end


def wait_until(check, seconds=30, pause=0.02, what="condition"):
    """Polls an outside observer until it says yes."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last: {value!r}")
        time.sleep(pause)


def wait_drained(data, seconds=60):
    """Until every pipeline has nothing left to make visible. One that has stopped never will."""
    def drained():
        pipelines = status(data)
        stopped = [p for p in pipelines if p["state"] == "stopped"]
        assert not stopped, f"stopped: {stopped}"
        return all(p["lag_events"] == 0 for p in pipelines)

    return wait_until(drained, seconds, 0.1, "lag 0")


def write_project(directory, collections, pipelines=None, settings="", streams=None):
    directory = pathlib.Path(directory)
    (directory / "collections").mkdir(parents=True, exist_ok=True)
    (directory / "pipelines").mkdir(exist_ok=True)
    (directory / "millrace.yaml").write_text(f"name: test\naccess: open\n{settings}")
    for name, text in collections.items():
        (directory / "collections" / f"{name}.yaml").write_text(text)
    (directory / "streams").mkdir(exist_ok=True)
    for name, text in (streams or {}).items():
        (directory / "streams" / f"{name}.yaml").write_text(text)
    for name, text in (pipelines or {}).items():
        (directory / "pipelines" / f"{name}.yaml").write_text(text)
    return directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def copy_data(source, target):
    """A data directory, without the socket and locks of the process that ran on it."""
    shutil.copytree(source, target, ignore=lambda _, names: [n for n in names if n.endswith(".sock")])
    return target


DUCKDB = {"duckdb": "duckdb==1.5.5"}
ARROW = {"pyarrow": "pyarrow==26.0.1"}
ICEBERG = {**DUCKDB, **ARROW, "pyiceberg": "pyiceberg==0.12.0"}
OPENAPI = {"openapi_spec_validator": "openapi-spec-validator==0.9.0"}
PROMETHEUS = {"prometheus_client": "prometheus-client==0.26.0"}


def venv_python(code, *args, iceberg=False, packages=None):
    """Runs Python with packages that are not ours, each as {what is imported: what is installed}: without any,
    duckdb of our version, a reader and writer of Parquet. And one of Iceberg."""
    venv = ROOT / "build" / "venv"
    python = venv / "bin" / "python"
    wanted = packages or (ICEBERG if iceberg else DUCKDB)
    imports = "import " + ", ".join(wanted)
    if subprocess.run([str(python), "-c", imports], capture_output=True).returncode if python.exists() else True:
        subprocess.run(["/usr/bin/python3", "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "-q", "install", *wanted.values()], check=True)
    result = subprocess.run([str(python), "-c", code, *map(str, args)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def plant_in_lake(data, folder, select, partition=0):
    """Rewrites a partition's first file with rows as `select` over ROWS gives them."""
    venv_python("""
import duckdb, glob, os, sys
for file in sorted(glob.glob(sys.argv[1] + f"/part-{sys.argv[3]}-0*.parquet")):
    rows = f"read_parquet('{file}')"
    if duckdb.sql(f"SELECT count(*) FROM {rows}").fetchone()[0] == 0: continue
    pairs = duckdb.sql(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{file}')").fetchall()
    metadata = ", ".join("'%s': '%s'" % (k.replace("'", "''"), v.replace("'", "''")) for k, v in pairs)
    duckdb.sql(f"COPY ({sys.argv[2].replace('ROWS', rows)}) TO '{file}.new' (FORMAT parquet, KV_METADATA {{{metadata}}})")
    os.replace(file + ".new", file)
    break
""", data / "lake" / folder, select, f"{partition:04}")


def plant_in_table(data, table, sql):
    """Writes beside Millrace into a table's parts, with no server running; what the last statement gives."""
    return venv_python("""
import duckdb, sys
db = duckdb.connect(sys.argv[1])
part = db.sql(f"SELECT table_name FROM duckdb_tables() WHERE schema_name = '_mr' AND table_name LIKE '{sys.argv[2]}.delta.%'").fetchone()[0]
for statement in sys.argv[3].split(";"):
    out = db.sql(statement.replace("PART", f'_mr."{part}"'))
print(out.fetchone()[0] if out is not None else "")
db.close()
""", data / "warehouse.duckdb", table, sql).strip()
