"""Clients that stall and bodies that swell: the attacker is cut, memory stays, honest clients are served meanwhile."""

import gzip
import select
import socket
import time

import pytest

ROOM = 64 << 20
RECORDS = "/api/collections/orders/records"
STALLED = 300


def request(port, head, body=b"", seconds=60):
    """The answer to one request, or as much of it as came before the connection ended."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        answer = b""
        try:
            connection.sendall(head.encode() + b"\r\nConnection: close\r\n\r\n")
            connection.sendall(body)
        except ConnectionError:
            pass  # refused before it was sent whole
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
        return answer


def post(body, *headers):
    return "\r\n".join([f"POST {RECORDS} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *headers])


BODIES = {
    "nested too deep": (b'{"note":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "400"),
    "nested and never closed": (b"[" * 1_000_000, "400"),
    "a million keys": (b"{" + b",".join(b'"k%d":1' % i for i in range(500_000)) + b"}", "400"),
    "one key a million times": (b"{" + b",".join([b'"note":"x"'] * 500_000) + b"}", "400"),
    "an array of too many": (b"[" + b",".join([b"{}"] * 10_001) + b"]", "4"),
    "a number of a million digits": (b'{"amount":' + b"9" * 1_000_000 + b"}", "400"),
    "a long string of escapes": (b'{"note":"' + b"\\u0000" * 500_000 + b'"}', "400"),
    "broken UTF-8": (b'{"note":"' + b"\xff" * 1_000_000 + b'"}', "400"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_swells_is_refused_in_bounded_memory(server, name):
    body, status = BODIES[name]
    before = server.rss_bytes()
    answer = request(server.port, post(body, "Content-Type: application/json"), body)
    assert answer.startswith(b"HTTP/1.1 " + status.encode()), answer[:300]
    assert server.rss_bytes() - before < ROOM


def test_a_packed_body_is_not_unpacked(server):
    packed = gzip.compress(b"[" + b" " * (100 << 20) + b"]")
    before = server.rss_bytes()
    answer = request(server.port, post(packed, "Content-Type: application/json", "Content-Encoding: gzip"), packed)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:300]
    assert server.rss_bytes() - before < ROOM


def test_an_endless_chunked_body_is_cut_at_the_limit(server):
    before = server.rss_bytes()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(f"POST {RECORDS} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent, answer = 0, b""
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            while sent < 256 << 20 and not answer:
                connection.sendall(chunk)
                sent += len(chunk)
                if select.select([connection], [], [], 0)[0]:
                    answer = connection.recv(65536)
        except ConnectionError:
            pass
    assert answer.startswith(b"HTTP/1.1 413") or not answer
    assert sent < 64 << 20, "the server read on"
    assert server.rss_bytes() - before < ROOM


def test_too_many_and_too_long_headers_are_refused(server):
    head = f"GET {RECORDS} HTTP/1.1\r\nHost: a\r\n"
    assert request(server.port, head + "\r\n".join(f"X{i}: a" for i in range(1000))).startswith(b"HTTP/1.1 431")
    assert request(server.port, head + "X: " + "a" * 100_000).startswith(b"HTTP/1.1 431")
    assert request(server.port, f"GET {RECORDS}?{'a' * 100_000} HTTP/1.1\r\nHost: a").startswith(b"HTTP/1.1 431")


def test_who_drips_a_header_is_cut_and_others_are_served(server):
    stalled = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(STALLED)]
    try:
        for connection in stalled:
            connection.sendall(f"POST {RECORDS} HTTP/1.1\r\nHost: a\r\nX: ".encode())
        for i in range(200):
            answer = server.api.post(RECORDS, {"order_id": f"honest-{i}", "customer_id": "c", "amount": "1.00"})
            assert answer.status == 201, answer
        waiting, until = set(stalled), time.monotonic() + 30
        while waiting and time.monotonic() < until:
            for connection in waiting:
                try:
                    connection.sendall(b"a")
                except ConnectionError:
                    pass
            for connection in select.select(list(waiting), [], [], 1)[0]:
                waiting.discard(connection)
        assert not waiting, f"{len(waiting)} of {STALLED} may drip on"
        cut = stalled[0].recv(65536)
        assert cut == b"" or cut.startswith(b"HTTP/1.1 408"), cut
    finally:
        for connection in stalled:
            connection.close()


def test_who_does_not_read_holds_no_memory(server):
    server.api.post(RECORDS, [{"order_id": f"big-{i}", "customer_id": "c", "amount": "1.00", "note": "x" * 500}
                              for i in range(1000)])
    before = server.rss_bytes()
    asks = f"GET {RECORDS}?limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 200
    lazy = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(10)]
    try:
        for connection in lazy:
            connection.setblocking(False)
            try:
                connection.send(asks)
            except BlockingIOError:
                pass
        for _ in range(100):
            assert server.api.get(RECORDS + "/big-1").status == 200
        assert server.rss_bytes() - before < 2 * ROOM
    finally:
        for connection in lazy:
            connection.close()
    assert server.api.get("/readyz").status == 200
