"""R0's gateway and authentication service against the same on NestJS with its TCP transport."""

import concurrent.futures
import contextlib
import subprocess

import harness
import millrace
import peers
from door import SECRET, Door
from harness import load, rounds, scaled

USERS = 200
PASSWORD = "correct horse {n:010}"
EMAIL = "user-{n:010}@example.com"
LOGIN = '{"email":"user-{n}@example.com","password":"correct horse {n}"}'
JSON = {"Content-Type": "application/json"}


def hash_shim():
    """The library that remembers hashes: a login is measured without its hash."""
    source, library = peers.HERE / "hash_shim.c", harness.RESULTS / "hash_shim.so"
    if not library.exists() or library.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["clang-19", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source)],
                       check=True)
    return {"LD_PRELOAD": str(library)}


class Side:
    """Processes of one side, and the gateway's port; users are registered and known to its hash memory."""

    def __init__(self, processes, port, path):
        self.processes, self.port, self.tokens = processes, port, path
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.register, range(USERS)))
        api = millrace.Api(port)
        path.write_text("".join(self.expect(api, n) + "\n" for n in range(USERS)))

    def register(self, n):
        body = {"email": EMAIL.format(n=n), "password": PASSWORD.format(n=n), "name": "Ann"}
        answer = millrace.Api(self.port).post("/api/auth/register", body, JSON)
        if answer.status != 201:
            raise RuntimeError(answer)

    @staticmethod
    def expect(api, n):
        """A token, after what logins and `me` answer was looked at: both sides do the same work."""
        email = EMAIL.format(n=n)
        login = api.post("/api/auth/login", {"email": email, "password": PASSWORD.format(n=n)}, JSON)
        token = login.json["accessToken"]
        me = api.get("/api/auth/me", Authorization=f"Bearer {token}")
        if (login.status, me.status) != (200, 200) or me.json != login.json["user"] or me.json["email"] != email \
                or set(me.json) != {"id", "email", "name", "createdAt", "updatedAt"}:
            raise RuntimeError(f"{login} {me}")
        if n == 0:
            wrong = api.post("/api/auth/login", {"email": email, "password": "wrong"}, JSON)
            forged = api.get("/api/auth/me", Authorization=f"Bearer {token[:-8]}AAAAAAAA")
            if (wrong.status, forged.status) != (401, 401):
                raise RuntimeError(f"{wrong} {forged}")
        return token

    def measure(self, **what):
        """CPU microseconds of a request, all processes, and what the load saw."""
        before = sum(process.cpu_seconds() for process in self.processes)
        seen = load(self.port, seconds=scaled(6), **what)
        return (sum(process.cpu_seconds() for process in self.processes) - before) * 1e6 / seen["requests"], seen


@contextlib.contextmanager
def ours(path, together=False):
    """`together`: both roles in one process."""
    env = {"LOG_LEVEL": "warn", "NODE_ENV": "production", "THROTTLE_TTL": "10000", "THROTTLE_LIMIT": "1000000",
           "MILLRACE__IDENTITY__HASH_QUEUE": "1000"}  # 64 logins at a time are more than wait by default
    if together:
        with Door(path / "data", env=env | hash_shim()) as door:
            yield Side([door], door.port, path / "tokens")
        return
    with Door(path / "data", "identity", env | hash_shim()) as identity, \
            Door(path / "data", "gateway", env | {"AUTH_MICROSERVICE_PORT": str(identity.tcp_port)}) as gateway:
        yield Side([identity, gateway], gateway.port, path / "tokens")


@contextlib.contextmanager
def nest(path):
    place = peers.made("nest", "dist/gateway.js", "npm ci --ignore-scripts --no-audit --no-fund && npm run build")
    tcp, http = millrace.free_port(), millrace.free_port()
    env = {"JWT_SECRET": SECRET, "AUTH_MICROSERVICE_PORT": str(tcp), "GATEWAY_PORT": str(http), "NODE_ENV": "production"}
    with peers.Process("node", place / "dist" / "identity.js", env=env).wait_for("ready tcp") as identity, \
            peers.Process("node", place / "dist" / "gateway.js", env=env).wait_for("ready http") as gateway:
        yield Side([identity, gateway], http, path / "tokens")


def auth(report):
    with ours(harness.directory("auth-ours")) as two, ours(harness.directory("auth-one"), True) as one, \
            nest(harness.directory("auth-nest")) as peer:
        sides = {"ours": two, "one": one, "nest": peer}

        def one_round(number):
            result = {}
            for name in sorted(sides, reverse=number % 2 == 0):
                side = sides[name]
                kinds = {"login": {"method": "POST", "path": "/api/auth/login", "body": LOGIN, "keys": USERS},
                         "me": {"path": "/api/auth/me", "tokens": side.tokens}}
                for kind, what in kinds.items():
                    result[f"{kind}_{name}_us"], seen = side.measure(**what)
                    result[f"{kind}_{name}_per_s"], result[f"{kind}_{name}_p99_ms"] = seen["per_s"], seen["p99_us"] / 1e3
            for kind in ("login", "me"):
                for name in ("ours", "one"):
                    result[f"{kind}_{name}_ratio"] = result[f"{kind}_nest_us"] / result[f"{kind}_{name}_us"]
            return result

        one_round(0)  # caches, and Node's compiler
        done = rounds(one_round, watch=("loop_cpu_us",))
    login, me = done.median("login_ours_ratio"), done.median("me_ours_ratio")
    report.add("auth-nest", "POST /api/auth/login minus the hash, GET /api/auth/me, through gateway and TCP identity, two processes, "
               "64 connections", ">= 12x less CPU than NestJS", f"login {login:.1f}x; me {me:.1f}x", min(login, me) >= 12,
               "./dev bench auth-nest", done,
               "; ".join(f"{kind}: CPU {done.median(kind + '_ours_us'):.1f} us, as one process {done.median(kind + '_one_us'):.1f}, NestJS "
                         f"{done.median(kind + '_nest_us'):.0f}; {done.median(kind + '_ours_per_s'):,.0f}/s against "
                         f"{done.median(kind + '_nest_per_s'):,.0f}/s" for kind in ("login", "me"))
               + f"; {USERS} users; hashes remembered on both sides; ours with throttler (limit high) and answer cache, NestJS without")


ROWS = {"auth-nest": auth}
