"""Requests that two readers may cut differently. Each payload hides a create behind the ambiguity: the server refuses the
whole and closes, so that the hidden one is never a request of its own."""

import socket

import pytest

RECORD = b'{"order_id":"smuggled","customer_id":"c1","amount":"1.00"}'
HEAD = b"POST /api/collections/orders/records HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
HIDDEN = HEAD % len(RECORD) + RECORD
LENGTH = str(len(HIDDEN)).encode()


def post(headers, body=HIDDEN, line=b"POST /api/collections/orders/records HTTP/1.1", host=b"Host: a\r\n"):
    return line + b"\r\n" + host + headers + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"
PAYLOADS = {
    "length and chunked": post(b"Content-Length: " + LENGTH + b"\r\n" + CHUNKED, b"0\r\n\r\n" + HIDDEN),
    "chunked and length": post(CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n" + HIDDEN),
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: " + LENGTH + b"\r\n"),
    "lengths in a list": post(b"Content-Length: 0, " + LENGTH + b"\r\n"),
    "length with a plus": post(b"Content-Length: +0\r\n"),
    "length in hexadecimal": post(b"Content-Length: 0x0\r\n"),
    "length with an underscore": post(b"Content-Length: 0_0\r\n"),
    "length with a blank inside": post(b"Content-Length: 0 0\r\n"),
    "length behind a form feed": post(b"Content-Length: \x0c0\r\n"),
    "no length": post(b"Content-Length:\r\n"),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + HIDDEN),
    "xchunked": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked behind a tab": post(b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked twice": post(CHUNKED + CHUNKED, b"0\r\n\r\n" + HIDDEN),
    "chunked behind a blank": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked in a fold": post(b"X: a\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked behind a bare LF": post(b"X: a\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked behind a bare CR": post(b"X: a\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked behind a NUL": post(b"X: a\0\r\nTransfer-Encoding: chunked\0\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked in HTTP/1.0": post(CHUNKED, b"0\r\n\r\n" + HIDDEN, b"POST /api/collections/orders/records HTTP/1.0"),
    "chunk size beyond 64 bits": post(CHUNKED, b"10000000000000000\r\n" + HIDDEN),
    "chunk size with 0x": post(CHUNKED, b"0x0\r\n\r\n" + HIDDEN),
    "chunk size with a sign": post(CHUNKED, b"-0\r\n\r\n" + HIDDEN),
    "chunk line ended by LF": post(CHUNKED, b"0\n\r\n" + HIDDEN),
    "CR in a chunk extension": post(CHUNKED, b"0;a\rb\r\n\r\n" + HIDDEN),
    "LF in a chunk extension": post(CHUNKED, b"2;a\nxx\r\n0\r\n\r\n" + HIDDEN),
    "length in the trailer": post(CHUNKED, b"0\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + HIDDEN),
    "no host": post(b"Content-Length: 0\r\n", host=b""),
    "two hosts": post(b"Content-Length: 0\r\n", host=b"Host: a\r\nHost: b\r\n"),
    "target of another host": post(b"Content-Length: 0\r\n", line=b"POST http://b/api/collections/orders/records HTTP/1.1"),
    "HTTP/1.32": post(b"Content-Length: 0\r\n", line=b"POST /api/collections/orders/records HTTP/1.32"),
    "byte over 127 in a name": post(b"Content-Length: 0\r\nX\xff: a\r\n"),
    "request line ended by LF": post(b"Content-Length: 0\r\n", line=b"POST /api/collections/orders/records HTTP/1.1\n"),
}


def exchange(port, payload, step=None):
    """Everything that is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answer = b""
        try:
            for at in range(0, len(payload), step or len(payload)):
                connection.sendall(payload[at:at + (step or len(payload))])
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            pass  # closed with bytes of ours unread
        return answer


@pytest.mark.parametrize("step", [None, 7], ids=["whole", "in-pieces"])
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_hidden_request_is_never_run(server, name, step):
    answer = exchange(server.port, PAYLOADS[name], step)
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert server.api.get("/api/collections/orders/records/smuggled").status == 404


def test_the_hidden_request_works_where_it_is_not_hidden(server):
    """Or every test above would pass for the wrong reason."""
    record = RECORD.replace(b"smuggled", b"in-the-open")
    answer = exchange(server.port, HEAD % len(record) + record)
    assert answer.startswith(b"HTTP/1.1 201"), answer
