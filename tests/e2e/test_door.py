"""Limits, cross-origin rules and security headers, as a project asks for them."""

import socket

import pytest

import millrace

RECORDS = "/api/collections/orders/records"
DOOR = """
limits:
  - {name: each_client, requests: 5, every: 600s}
  - {name: reads, requests: 3, every: 600s, per: [ip, route]}
cors: {origins: [https://shop.example]}
trusted_proxies: [127.0.0.0/8]
"""


@pytest.fixture
def server(tmp_path):
    millrace.run("init", tmp_path / "shop")
    with open(tmp_path / "shop" / "millrace.yaml", "a") as file:
        file.write(DOOR)
    with millrace.Server(tmp_path / "shop", tmp_path / "data") as running:
        yield running


def ask(server, method, path, client, **headers):
    return server.api.request(method, path, headers={"X-Forwarded-For": client, **headers})


def test_beyond_a_limit_a_client_waits_and_others_do_not(server):
    for left in (2, 1, 0):
        answer = ask(server, "GET", RECORDS, "192.0.2.1")
        assert answer.status == 200
        assert answer.headers["ratelimit"].startswith(f'"reads";r={left};t=')
        assert answer.headers["ratelimit-policy"] == '"each_client";q=5;w=600, "reads";q=3;w=600'
    refused = ask(server, "GET", RECORDS, "192.0.2.1")
    assert refused.status == 429 and refused.json["type"] == "urn:millrace:error:rate_limited"
    assert 0 < int(refused.headers["retry-after"]) <= 600
    assert ask(server, "GET", RECORDS + "/absent", "192.0.2.1").status == 404, "another route, and the client has one left"
    assert ask(server, "GET", RECORDS + "/absent", "192.0.2.1").status == 429
    assert ask(server, "GET", RECORDS, "192.0.2.2").status == 200
    for path in ("/livez", "/readyz", "/metrics"):
        assert ask(server, "GET", path, "192.0.2.1").status == 200
    metrics = server.api.get("/metrics").body.decode()
    assert 'http_rate_limited_total{limit="reads"} 1' in metrics and 'http_rate_limited_total{limit="each_client"} 1' in metrics


def test_pages_of_a_named_origin_may_ask(server):
    preflight = ask(server, "OPTIONS", RECORDS, "192.0.2.1", Origin="https://shop.example",
                    **{"Access-Control-Request-Method": "PATCH"})
    assert preflight.status == 204 and "PATCH" in preflight.headers["access-control-allow-methods"]
    answer = ask(server, "GET", RECORDS, "192.0.2.1", Origin="https://shop.example")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    other = ask(server, "GET", RECORDS, "192.0.2.1", Origin="https://evil.example")
    assert "access-control-allow-origin" not in other.headers and other.headers["vary"] == "Origin"
    assert other.headers["x-content-type-options"] == "nosniff"


def test_a_stream_is_let_through_the_door_like_any_answer(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"GET {RECORDS}/live HTTP/1.1\r\nHost: a\r\nOrigin: https://shop.example\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
    assert head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head
    assert b"Access-Control-Allow-Origin: https://shop.example" in head and b"RateLimit:" in head
