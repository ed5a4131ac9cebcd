"""`millrace serve` of examples/gateway-auth, as one process or as either half."""

import os
import pathlib
import re
import select
import subprocess
import tempfile
import time

import millrace

PROJECT = millrace.ROOT / "examples" / "gateway-auth"
SECRET = "a secret of the tests"
PASSWORD = "correct horse"


class Door(millrace.Server):
    """`millrace serve` of a project with auth: its ready lines and both ports."""

    def __init__(self, data, roles=None, env=None, project=PROJECT, http_port=0):
        self.data = pathlib.Path(data)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("JWT_", "AUTH_", "GATEWAY_"))}
        environment |= {"JWT_SECRET": SECRET, "AUTH_MICROSERVICE_PORT": "0", "LOG_LEVEL": "debug",
                        "THROTTLE_LIMIT": "100000", **(env or {})}
        args = ["serve", "--project", str(project), "--data", str(data), "--port", str(http_port)]
        if roles:
            args += ["--roles", roles]
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(millrace.BINARY), *args], stdout=subprocess.PIPE, stderr=self.stderr,
                                        stdin=subprocess.DEVNULL,
                                        env={k: v for k, v in environment.items() if v is not None})
        self.lines = []
        self.tcp_port = self.port = None
        wanted = 1 if roles in ("gateway", "identity") else 2
        try:
            self.wait_ready(wanted)
        except BaseException:
            self.kill()
            raise

    def wait_ready(self, wanted):
        text = b""
        deadline = time.monotonic() + 30
        while text.count(b"\n") < wanted:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                raise RuntimeError(f"not ready (exit {self.process.poll()}): {self.errors()}")
            text += chunk
        self.lines = text.decode().splitlines()
        for line in self.lines:
            kind, port = re.fullmatch(r"ready (tcp|http)://127\.0\.0\.1:(\d+)", line).groups()
            if kind == "tcp":
                self.tcp_port = int(port)
            else:
                self.port = int(port)
                self.api = millrace.Api(self.port)

    def errors(self):
        """All of it: what must never be in a log is looked for in the whole."""
        self.stderr.seek(0)
        return self.stderr.read().decode("utf-8", "replace")

    def register(self, email, password=PASSWORD, **more):
        return self.api.post("/api/auth/register", {"email": email, "password": password, **more})

    def login(self, email, password=PASSWORD):
        return self.api.post("/api/auth/login", {"email": email, "password": password})

    def token(self, email):
        return self.login(email).json["accessToken"]

    def me(self, token, path="/api/auth/me"):
        return self.api.get(path, Authorization=f"Bearer {token}")
