"""A get by key with an access token, against the open one: the token known from before, and seen for the first time."""

import concurrent.futures
import contextlib

import harness
import millrace
import projects
from accounts import User, closed_project
from harness import load, program, rounds, scaled
from rows_records import PATH

RULES = "rules:\n  get: customer_id = auth.user_id\n  create: customer_id = auth.user_id\n"
# Many sign-ups of one address, and tokens that outlive the run.
SETTINGS = ["--set", "identity.sign_ups=100000", "--set", "identity.access_token=6h"]
SIGNED_IN = 300  # a session is refreshed a hundred times an hour at most
AT_ONCE = 8
TOKENS = 24_000  # more than are remembered: in turn, each is a new one


def refreshed(api, user, count):
    """So many tokens of one session, each from a refresh."""
    tokens, refresh = [], user.refresh_token
    for _ in range(count):
        answer = api.post("/api/auth/refresh", {"refresh_token": refresh}).json
        tokens.append(answer["access_token"])
        refresh = answer["refresh_token"]
    return tokens


def make_tokens(port, count):
    """Of SIGNED_IN sessions of one user, who has the records."""
    owner = User(millrace.Api(port), "owner@example.com")
    users = [owner.log_in() for _ in range(scaled(SIGNED_IN, 3))]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        made = list(pool.map(lambda user: refreshed(millrace.Api(port), user, count // SIGNED_IN), users))
    return owner, [token for turn in zip(*made) for token in turn]


def fill(port, keys, owner="c1", tokens=None):
    record = projects.KEYED_RECORD.replace('"c0{m}"', f'"{owner}"')
    more = {"tokens": tokens} if tokens else {}
    load(port, method="POST", path=PATH, body=record, batch=100, requests=keys // 100, connections=4, **more)


def get_token(report):
    path, keys = harness.directory("get-token"), scaled(20_000, 100)
    orders = projects.NOTED_ORDERS
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(millrace.Server(projects.write(path / "open", orders), path / "open-data"))
        closed = stack.enter_context(millrace.Server(closed_project(path / "closed", {"orders": orders + RULES}),
                                                     path / "closed-data", args=SETTINGS))
        owner, tokens = make_tokens(closed.port, TOKENS)
        one, all_of_them = path / "one", path / "tokens"
        one.write_text(tokens[0] + "\n")
        used = 0
        fill(opened.port, keys)
        fill(closed.port, keys, owner.id, one)
        kinds = {"open": (opened, {}), "known": (closed, {"tokens": one}), "new": (closed, {"tokens": all_of_them})}

        def one_round(number):
            nonlocal used
            result = {"verify_us": program("ed25519", scaled(20_000, 1000))["verify_us"]}
            for kind in sorted(kinds, reverse=number % 2 == 0):
                server, more = kinds[kind]
                if kind == "new":  # on from where the last round ended
                    turned = tokens[used % len(tokens):] + tokens[:used % len(tokens)]
                    all_of_them.write_text("".join(token + "\n" for token in turned))
                cpu = server.cpu_seconds()
                seen = load(server.port, path=PATH + "/order-{n}", keys=keys, seconds=scaled(4), **more)
                result[kind + "_us"] = (server.cpu_seconds() - cpu) * 1e6 / seen["requests"]
                result[kind + "_per_s"] = seen["per_s"]
                used += seen["requests"] if kind == "new" else 0
            result["known_ratio"] = result["known_us"] / result["open_us"]
            result["new_ratio"] = result["new_us"] / (result["verify_us"] + result["open_us"])
            return result

        one_round(0)  # caches
        done = rounds(one_round, watch=("loop_cpu_us",))
    known, new = done.median("known_ratio"), done.median("new_ratio")
    report.add("get-token", "get by key under a rule with an EdDSA token, 64 connections", "known token <= 1.4x the open get; new one <= "
               "1.3x bare signature check + open get", f"known {known:.2f}x; new {new:.2f}x", known <= 1.4 and new <= 1.3,
               "./dev bench get-token", done,
               f"CPU open {done.median('open_us'):.1f} us, known {done.median('known_us'):.1f}, new {done.median('new_us'):.1f}, bare check "
               f"{done.median('verify_us'):.1f}; {done.median('open_per_s'):,.0f}/s, {done.median('known_per_s'):,.0f}/s, "
               f"{done.median('new_per_s'):,.0f}/s; {len(tokens):,} tokens in turn, more than are remembered")


ROWS = {"get-token": get_token}
