"""Everything at once, killed at any time: records and events are written, letters are mended and redriven, tables are
replayed. Afterwards records, log, lakes and tables say the same, and each letter is accounted for."""

import json
import random
import threading
import time

import millrace
import oracle
import projects
import test_streams
from millrace import Server
from test_streams import Commands
from workload import Crew

ROUNDS = 12
CLICKS = """
stream: clicks
fields:
  writer: {type: text, required: true}
  n:      {type: integer, required: true}
  bad:    {type: integer, required: true}
"""
CLICKS_NOW = test_streams.NOW.replace("sql:", "require: [bad = 0]\nsql:")
REPLAYED = ("checked", "clicks_now", "customers_all", "orders_all")  # the last one with a lookup
MENDED_AMOUNT = 1


class Clicker(test_streams.Writer):
    """Every eleventh event is poison to the pipeline."""

    def _request(self):
        body, headers, count = super()._request()
        first = self.next - count
        for n in range(first, first + count):
            body = body.replace(f'"n": {n}}}', f'"n": {n}, "bad": {int(n % 11 == 3)}}}')
        return body, headers, count


def mend_and_redrive(data, process, commands):
    mend = ("deadletters", "mend", "--apply", "--data", data)
    commands.run(process, *mend, "--pipeline", "checked", "--set", f"amount = {MENDED_AMOUNT}")
    commands.run(process, *mend, "--pipeline", "clicks_now", "--set", "bad = 0")
    commands.run(process, "deadletters", "redrive", "--all", "--quiet", "--data", data)


def until_gone(process, work):
    while process.poll() is None:
        work()


def start_all(shop, data, server, crew, clickers, commands, rng):
    crew.start(server.port)
    names = rng.sample(REPLAYED, len(REPLAYED))

    def replay():
        names.append(names.pop(0))
        commands.run(server.process, "pipelines", "replay", names[0], "--project", shop, "--data", data, "--quiet")

    works = [lambda: mend_and_redrive(data, server.process, commands), replay]
    threads = [threading.Thread(target=until_gone, args=(server.process, work)) for work in works]
    threads += [threading.Thread(target=clicker.run, args=(server.port,)) for clicker in clickers]
    for thread in threads:
        thread.start()
    return threads


def redrive_all(data, process, commands):
    def nothing_waits():
        mend_and_redrive(data, process, commands)
        return not millrace.dead_letters(data)

    millrace.wait_drained(data)
    millrace.wait_until(nothing_waits, 60, what="no letter waits")


def check_letters(data):
    """One letter for each change that a sink refused, and what it brought is where it belongs."""
    orders = oracle.read_log(data, "orders")
    bad = {e.id for e in orders if e.kind != "d" and e.after["amount"] >= projects.MOST_AMOUNT}
    clicks = [e for e in oracle.read_log(data, "clicks") if e.after["bad"]]
    letters = json.loads(millrace.run("deadletters", "list", "--data", data, "--json", "--state", "all",
                                               "--limit", 10**9).stdout)
    of_sink = {}
    for letter in letters:
        assert letter["state"] in ("applied", "superseded"), letter
        of_sink.setdefault(letter["sink"], []).append(letter["event_id"])
    expected = {"table.checked": sorted(bad), "table.clicks": sorted(e.id for e in clicks)}
    expected["lake.clicks"] = expected["table.clicks"]
    assert {sink: sorted(ids) for sink, ids in of_sink.items()} == {sink: ids for sink, ids in expected.items() if ids}
    rows = millrace.sql(data, "SELECT order_id AS key, op, amount, _version FROM checked")
    got, problems = oracle.by_key("checked", rows, "key")
    newest = {key: {"key": key, "op": e.after["op"], "_version": e.version,
                    "amount": MENDED_AMOUNT if e.id in bad else e.after["amount"]}
              for key, e in oracle.newest_per_key(orders).items()}
    problems += oracle.compare("checked", newest, got)
    assert not problems, problems[:10]
    return len(letters)


def test_nothing_is_lost_or_doubled_while_everything_goes_on(tmp_path, shop, data, journals, seed):
    (shop / "streams" / "clicks.yaml").write_text(CLICKS)
    (shop / "pipelines" / "clicks_now.yaml").write_text(CLICKS_NOW)
    rng = random.Random(f"{seed}/everything")
    crew, clickers = Crew(seed, journals, writers=2), [Clicker(f"k{i}", seed) for i in range(2)]
    letters, commands = 0, Commands()
    for number in range(1, ROUNDS + 1):
        with Server(shop, data) as server:
            threads = start_all(shop, data, server, crew, clickers, commands, rng)
            # How long the server lives is the random variable, not a way to wait.
            time.sleep(rng.uniform(0.2, 2.5))
            if number == ROUNDS // 2 + 1:
                commands.wait_for("redrive", "replay")
            server.kill()
            crew.join()
            for thread in threads:
                thread.join()
        violations = crew.violations + [v for clicker in clickers for v in clicker.violations]
        assert not violations, f"seed {seed}, round {number}: {violations[:5]}"
        if number % (ROUNDS // 2) == 0:
            with Server(shop, data) as server:
                redrive_all(data, server.process, Commands())
                oracle.check(data, journals, server.api, seed, dead_letters=False)
                events = test_streams.check(data, clickers)
                letters = check_letters(data)
                assert server.stop() == 0
    print(f"seed {seed}: {crew.acked} operations, {events} events, {letters} letters, {commands.done} done, {commands.cut} cut")
    commands.check("redrive", "replay")
    assert letters > ROUNDS and events > 10 * ROUNDS and crew.acked > 5 * ROUNDS, "too little got through to prove anything"
