"""The same payloads through a proxy in front. It may cut them into two requests, as its own reading is; but then the server
has seen the same two: who comes next over the proxy's kept connection gets the answer to its own request."""

import os
import socket
import subprocess
import time

import pytest

import millrace
from test_smuggling import PAYLOADS, exchange

NGINX = """
daemon off; master_process off; pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {place}/access.log;
  client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};
  upstream millrace {{ server 127.0.0.1:{upstream}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://millrace; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  http-reuse always
listen front
  bind 127.0.0.1:{port}
  server millrace 127.0.0.1:{upstream}
"""
PROXIES = {"nginx": (NGINX, ["nginx", "-c"]), "haproxy": (HAPROXY, ["haproxy", "-db", "-f"])}
SERVERS = millrace.ROOT / "build" / "servers"  # filled by ./dev servers
ASK = ("GET /api/collections/orders/records/absent HTTP/1.1\r\nHost: a\r\nX-Request-Id: {}\r\n"
       "Connection: close\r\n\r\n")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request, server, tmp_path_factory):
    """The port of a proxy that keeps its connection to the server for the next request."""
    text, command = PROXIES[request.param]
    program = SERVERS / "usr" / "sbin" / command[0]
    libraries = {**os.environ, "LD_LIBRARY_PATH": str(SERVERS / "usr" / "lib" / "x86_64-linux-gnu")}
    place, port = tmp_path_factory.mktemp(request.param), free_port()
    config = place / "config"
    config.write_text(text.format(place=place, port=port, upstream=server.port))
    with open(place / "output", "wb") as output:
        process = subprocess.Popen([program, *command[1:], config], stdout=output, stderr=output, env=libraries)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, (place / "output").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_next_client_gets_its_own_answer(proxy, server, name):
    exchange(proxy, PAYLOADS[name])
    for i in range(3):
        after = exchange(proxy, ASK.format(f"own-{i}").encode())
        assert after.startswith(b"HTTP/1.1 404") and after.count(b"HTTP/1.1 ") == 1, after
        assert f"x-request-id: own-{i}" in after.decode().lower(), after
