"""Text of clients in paths, log lines, answer heads and event streams: it stays the text that it is."""

import json
import re

import pytest

from door import Door
from live import Subscription
from millrace import quote
from test_smuggling import exchange

RECORDS = "/api/collections/orders/records"
SPLIT = "a\r\nX-Injected: yes\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
EVENT = "a\n\nevent: reset\ndata: {\"reason\": \"forged\"}\n\n"
LOG_LINE = 'a"}\n{"ts":"2026-01-01T00:00:00Z","level":"error","msg":"forged"}\n'
TEXTS = {"header": SPLIT, "event": EVENT, "log line": LOG_LINE, "terminal": "\x1b]0;forged\x07\x1b[2J\x9b", "separators": "\u2028\u2029\u0085\v\f",
         "quotes": "\"'`\\\",\"admin\":true", "control characters": "a\x7f\x01b", "text direction": "\u202egpj.exe"}

# Each in the place of a path; none of them is a file, and none a record.
PATHS = ["/../../../../etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%5c..%5cetc%5cpasswd",
         "/api/collections/../../../../etc/passwd", "/api/collections/..%2f..%2fcollections/records", "/api/collections/%2e%2e/records",
         "/api/collections/orders%2frecords", "/api/collections/orders%00/records", "/api/collections/orders/records/..%2f..%2forders",
         "/api/collections/orders/records/%2e%2e%2f%2e%2e%2fFORMAT", "/api/collections/orders'--/records",
         "/api/collections/sqlite_master/records", "/api/streams/..%2f..%2fFORMAT", "/api/streams/%2e%2e/events",
         "/api/tables/..%2fwarehouse", "/api/tables/read_text('%2fetc%2fpasswd')", "/api/tables/orders;%20DROP%20TABLE%20orders", "//etc/passwd",
         "/api/docs/../../../etc/passwd", "/api/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd", "/%zz", "/%"]
TEXT_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*Z (DEBUG|INFO |WARN |ERROR) \S")


def ask(port, method, path, *headers, body=b""):
    """The whole answer, as it was sent."""
    head = [f"{method} {path} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return exchange(port, "\r\n".join(head).encode("utf-8", "surrogateescape") + body)


def assert_one_answer(answer):
    """One head without a field of the attacker's; the status."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 ") and b"\r\nx-injected" not in head.lower(), answer
    assert re.search(rb"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n)", head) is None, head
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    assert len(body) == int(length[1] if length else 0), answer
    return int(head.split()[1])


@pytest.mark.parametrize("path", PATHS)
def test_a_path_names_a_route_or_nothing(server, path):
    answer = ask(server.port, "GET", path)
    assert assert_one_answer(answer) in (400, 404), answer
    assert b"root:" not in answer and b"SQL" not in answer


@pytest.mark.parametrize("name", TEXTS)
def test_a_stored_text_stays_a_value(server, name):
    """As a key, it is in the path, in Location, in the cursor of a page; as a field, in bodies."""
    text = TEXTS[name]
    body = json.dumps({"order_id": text, "customer_id": text, "amount": "1.00", "note": text}).encode()
    answer = ask(server.port, "POST", RECORDS, "Content-Type: application/json", body=body)
    assert assert_one_answer(answer) == 201, answer
    for path in (f"{RECORDS}/{quote(text)}", f"{RECORDS}?customer_id=eq.{quote(text)}&limit=1"):
        assert assert_one_answer(ask(server.port, "GET", path)) == 200
    found = server.api.get(f"{RECORDS}/{quote(text)}").json
    assert (found["order_id"], found["customer_id"], found["note"]) == (text, text, text)
    refused = ask(server.port, "POST", RECORDS, "Content-Type: application/json", body=body)
    assert assert_one_answer(refused) == 409, refused
    assert assert_one_answer(ask(server.port, "DELETE", f"{RECORDS}/{quote(text)}")) == 204


@pytest.mark.parametrize("websocket", [False, True], ids=["sse", "websocket"])
@pytest.mark.parametrize("name", TEXTS)
def test_a_stored_text_makes_no_message_of_its_own(server, name, websocket):
    text, key = TEXTS[name], f"{TEXTS[name]}-{websocket}"
    with Subscription(server.port, "orders", websocket=websocket) as live:
        record = {"order_id": key, "customer_id": text, "amount": "1.00", "note": text}
        assert server.api.post(RECORDS, record).status == 201
        assert server.api.delete(f"{RECORDS}/{quote(key)}").status == 204
        changed, removed = live.take(2)
    assert (changed.event, changed.data["note"], removed.event, removed.data) == ("record", text, "remove", {"key": key})


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_in_a_request_makes_no_head_of_its_own(server, name):
    """What is not stored, but may be said back: query, header fields, names of what is not there."""
    text = quote(TEXTS[name])
    raw = re.sub(r"[\r\n]", "", TEXTS[name])
    asks = [("GET", f"{RECORDS}?{text}=eq.1", ()), ("GET", f"{RECORDS}?cursor={text}", ()), ("GET", f"{RECORDS}?order={text}", ()),
            ("GET", f"/api/collections/{text}/records", ()), ("GET", f"/{text}?{text}", ()),
            ("GET", f"{RECORDS}/live?last_event_id={text}", ()), ("GET", f"/api/streams/{text}", ())]
    asks += [("GET", f"{RECORDS}/absent", (f"{field}: {value}",))
             for field in ("X-Request-Id", "traceparent", "Origin", "If-None-Match", "Last-Event-ID", "Cookie")
             for value in (raw, text)]
    for method, path, headers in asks:
        answer = ask(server.port, method, path, *headers)
        assert assert_one_answer(answer) in (400, 403, 404), (path, headers, answer)
    metrics = server.api.get("/metrics").body.decode()
    assert "forged" not in metrics and "njected" not in metrics


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_text_in_a_log_stays_in_its_line(tmp_path, form):
    """R0's gateway writes a line for each request, with its path, and what the identity service refused."""
    with Door(tmp_path / "data", env={"MILLRACE__LOGGING__FORMAT": form}) as door:
        for text in TEXTS.values():
            bad, header = quote(text), re.sub(r"[\r\n]", "", text)
            for path in (f"/{bad}", f"/api/auth/me?{bad}", f"/api/auth/{bad}/%ff%c3"):
                assert_one_answer(ask(door.port, "GET", path, f"X-Request-Id: {header}", f"User-Agent: {header}"))
            for body in ({"email": text, "password": text}, {text: text}):
                assert_one_answer(ask(door.port, "POST", "/api/auth/login", "Content-Type: application/json", body=json.dumps(body).encode()))
            answer = door.register(f"{len(text)}@example.com", "password" + text, name=text)
            assert answer.status == 201 and answer.json["name"] == text
        assert door.stop() == 0
        *lines, last = door.errors().split("\n")
    assert last == "" and len(lines) >= 3 * len(TEXTS)  # heads that are no HTTP have none
    for line in lines:
        assert json.loads(line)["msg"] != "forged" if form == "json" else TEXT_LINE.match(line), line
        assert not re.search(r"[\x00-\x1f\x7f]", line), line
