"""The outside oracle: compares the writers' journals with every store of a data directory.

Of each key the log must hold exactly the acknowledged operations, in the order they were
sent, and each operation without a clear answer once or not at all. Source, lake, warehouse
and dead letters must say what the log says, row by row."""

import collections
import hashlib

import journal
import millrace
import projects


class Event:
    """One event of the log."""

    def __init__(self, offset, envelope):
        source = envelope["source"]
        self.offset = offset
        self.kind = envelope["op"]
        self.key = source["key"]
        self.version = f"{source['epoch']:08x}{source['position']:016x}{source['ordinal']:08x}"
        self.id = f"{source['name']}:{source['epoch']:08x}:{source['position']:016x}"
        self.before, self.after = envelope["before"], envelope["after"]
        self.image = self.before if self.kind == "d" else self.after


def read_log(data, collection):
    return [Event(line["offset"], line["event"]) for line in millrace.log_events(data, collection)]


def check(data, journals, api, seed=None, seconds=60, dead_letters=True):
    """Waits until everything is through, then compares; the number of events. One
    AssertionError names up to ten problems."""
    millrace.wait_drained(data, seconds)
    ops = journal.load(journals)
    problems, total, events = [], 0, {}
    for collection in projects.STORES:
        events[collection] = read_log(data, collection)
        total += len(events[collection])
        problems += check_log([op for op in ops if op.collection == collection], events[collection])
        newest = newest_per_key(events[collection])
        problems += check_source(api, collection, newest)
        problems += check_lake(data, collection, events[collection])
        problems += check_table(data, collection, newest)
    problems += check_lookup(data, events)
    if dead_letters:
        problems += check_dead_letters(data, events["orders"])
    verdict = millrace.verify(data)
    if not verdict["agree"]:
        problems.append(f"millrace verify disagrees: {verdict}")
    assert not problems, f"seed {seed}: {len(problems)} problems\n" + "\n".join(map(str, problems[:10]))
    return total


# ---- the log against the journals ----

def check_log(ops, events):
    problems = check_rising(events)
    of_key, sent = collections.defaultdict(list), collections.defaultdict(list)
    for event in events:
        of_key[event.key].append(event)
    for op in ops:
        sent[op.key].append(op)
    for key in of_key.keys() - sent.keys():
        problems.append(f"log: {key} was never written by anyone")
    for key, expected in sent.items():
        problems += check_key(key, expected, of_key.get(key, []))
    return problems + check_batches(ops, events)


def check_rising(events):
    problems = [f"log: offset {e.offset} stands at place {i}" for i, e in enumerate(events) if e.offset != i]
    for one, two in zip(events, events[1:]):
        if two.version <= one.version:
            problems.append(f"log: version {two.version} at {two.offset} follows {one.version}")
    return problems


def check_key(key, ops, events):
    """Walks all ways in which the operations can explain the events."""
    reached = {0}
    for op in ops:
        matched = {i + 1 for i in reached if i < len(events) and matches(op, events[i])}
        after = matched if op.outcome == "acked" else reached if op.outcome == "refused" else reached | matched
        if not after:
            seen = [(e.kind, e.image.get("op"), e.version) for e in events[min(reached):min(reached) + 3]]
            return [f"log: {key}: acknowledged {op.kind} {op.id} {op.version} lost or out of order; next are {seen}"]
        reached = after
    if len(events) not in reached:
        extra = events[max(reached)]
        return [f"log: {key}: {extra.kind} {extra.image.get('op')} at {extra.offset} doubled or never sent"]
    return []


def matches(op, event):
    if op.kind != event.kind or (op.version and op.version != event.version):
        return False
    if op.kind == "d":
        return True
    after = event.after
    if after["op"] != op.id or after["note"] != journal.note_of(op.id, op.note_size):
        return False
    return op.collection != "orders" or (after["customer_id"], after["amount"]) == (op.customer_id, op.amount)


def check_batches(ops, events):
    there = {e.after["op"] for e in events if e.kind == "c"}
    batches = collections.defaultdict(list)
    for op in ops:
        if op.batch:
            batches[op.batch].append(op.id in there)
    return [f"log: batch {name} is there in part" for name, found in batches.items() if len(set(found)) > 1]


def newest_per_key(events):
    newest = {}
    for event in events:
        newest[event.key] = event
    return {key: event for key, event in newest.items() if event.kind != "d"}


# ---- the other stores against the log ----

def compare(what, expected, got):
    """Two dictionaries."""
    problems = [f"{what}: {key} is missing" for key in list(expected.keys() - got.keys())[:3]]
    problems += [f"{what}: {key} should not be there" for key in list(got.keys() - expected.keys())[:3]]
    different = [key for key in expected.keys() & got.keys() if expected[key] != got[key]]
    return problems + [f"{what}: {key} is {got[key]}, expected {expected[key]}" for key in different[:3]]


def by_key(what, rows, key):
    """Rows as a dictionary; a key that stands twice is a problem."""
    found = {row[key]: row for row in rows}
    problems = [f"{what}: {len(rows) - len(found)} keys are doubled"] if len(rows) != len(found) else []
    return found, problems


def list_records(api, collection):
    items, cursor = [], ""
    while cursor is not None:
        answer = api.get(f"/api/collections/{collection}/records?limit=1000{cursor}")
        assert answer.status == 200, answer
        items += answer.json["items"]
        following = answer.json["next_cursor"]
        cursor = following and "&cursor=" + millrace.quote(following)
    return items


def check_source(api, collection, newest):
    what = f"source {collection}"
    records, problems = by_key(what, list_records(api, collection), projects.KEYS[collection])
    return problems + compare(what, {key: event.after for key, event in newest.items()}, records)


def check_lake(data, collection, events):
    table = projects.STORES[collection][1]
    key = projects.KEYS[collection]
    rows = millrace.sql(data, f"SELECT _offset::BIGINT AS at, {key} AS key, op, md5(note) AS note, _version, _op, _id "
                              f"FROM {table}")
    found, problems = by_key(table, rows, "at")
    expected = {}
    for e in events:
        note = e.image["note"]
        expected[e.offset] = {"at": e.offset, "key": e.key, "op": e.image["op"], "note": md5(note),
                              "_version": e.version, "_op": e.kind, "_id": e.id}
    return problems + compare(table, expected, found)


def check_table(data, collection, newest):
    table, key = projects.STORES[collection][0], projects.KEYS[collection]
    rows = millrace.sql(data, f"SELECT {key} AS key, op, md5(note) AS note, _version FROM {table}")
    found, problems = by_key(f"table {table}", rows, "key")
    expected = {k: {"key": k, "op": e.after["op"], "note": md5(e.after["note"]), "_version": e.version}
                for k, e in newest.items()}
    return problems + compare(f"table {table}", expected, found)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def check_lookup(data, events):
    """Each row of the lake names the customer as it was at the change's own commit."""
    both = sorted(events["orders"] + events["customers"], key=lambda e: e.version)
    customers, expected = {}, {}
    known = {id(e) for e in events["customers"]}
    for event in both:
        if id(event) in known:
            customers[event.key] = None if event.kind == "d" else event.after["op"]
        else:
            expected[event.offset] = customers.get(event.image["customer_id"])
    rows = millrace.sql(data, "SELECT _offset::BIGINT AS at, customer_op FROM lake.orders_history")
    return compare("lookup in lake.orders_history", expected, {r["at"]: r["customer_op"] for r in rows})


def check_dead_letters(data, orders):
    """One letter for each change above the pipeline's limit; the table has the rest."""
    bad = {e.offset for e in orders if e.kind != "d" and e.after["amount"] >= projects.MOST_AMOUNT}
    letters = [l for l in millrace.dead_letters(data) if l["pipeline"] == "checked"]
    found, problems = by_key("dead letters", letters, "offset")
    problems += compare("dead letters", dict.fromkeys(bad), dict.fromkeys(found))
    good = newest_per_key([e for e in orders if e.offset not in bad])
    rows = millrace.sql(data, "SELECT order_id AS key, op, _version FROM checked")
    got, more = by_key("table checked", rows, "key")
    expected = {k: {"key": k, "op": e.after["op"], "_version": e.version} for k, e in good.items()}
    return problems + more + compare("table checked", expected, got)
