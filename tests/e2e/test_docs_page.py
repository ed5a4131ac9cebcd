"""/api/docs in a real browser, and what goes out with answers: gzip, the trace of a request."""

import gzip

import browser
import door
import millrace
import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_the_page_shows_every_operation_and_asks_nobody_else(server):
    here = f"http://127.0.0.1:{server.port}"
    dom, picture, asked = browser.open_page(f"{here}/api/docs#/orders/create_orders_records")
    assert "Create one record of orders" in dom and "<title>test</title>" in dom
    for path in server.api.get("/openapi.json").json["paths"]:
        assert f'data-path="{path}"' in dom, path
    assert "customer_id" in dom  # the operation in the address is open, with its example
    assert picture.startswith(b"\x89PNG") and len(picture) > 50_000  # an empty page is much less
    assert asked and all(address.startswith(here + "/") for address in asked), asked


def test_the_page_is_where_it_is_looked_for(server):
    api = server.api
    moved = api.get("/api")
    assert (moved.status, moved.headers["location"]) == (302, "/api/docs")
    page = api.get("/api/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.body.decode()
    assert api.get("/api/docs/nothing.js").status == 404
    assert api.get("/api/docs-json").json == api.get("/openapi.json").json
    packed = api.get("/api/docs/swagger-ui.css", **{"Accept-Encoding": "gzip"})
    plain = api.get("/api/docs/swagger-ui.css")
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body


def test_docs_and_gzip_can_be_switched_off(shop, data):
    with millrace.Server(shop, data, args=["--set", "http.docs=false", "--set", "http.gzip=false"]) as server:
        for path in ("/openapi.json", "/api/docs-json", "/api/docs", "/api", "/api/docs/start.js"):
            assert server.api.get(path).status == 404, path
        metrics = server.api.get("/metrics", **{"Accept-Encoding": "gzip"})
        assert "content-encoding" not in metrics.headers and "vary" not in metrics.headers


def test_long_answers_are_packed_for_who_takes_it(server):
    api = server.api
    path = "/api/collections/customers/records"
    records = [{"customer_id": f"c{n}", "name": "a" * 50} for n in range(50)]
    assert api.post(path, records, {"Accept-Encoding": "gzip"}).headers["content-encoding"] == "gzip"
    plain = api.get(path)
    for asked in ("gzip", "br, gzip;q=0.3", "*"):
        packed = api.get(path, **{"Accept-Encoding": asked})
        assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert len(packed.body) < len(plain.body) / 4 and gzip.decompress(packed.body) == plain.body
    for asked in ("identity", "gzip;q=0"):
        assert "content-encoding" not in api.get(path, **{"Accept-Encoding": asked}).headers
    big = api.post(path, {"customer_id": "big", "name": "b" * 5000})
    one = api.get(f"{path}/big", **{"Accept-Encoding": "gzip"})  # its ETag names the plain bytes
    assert "content-encoding" not in one.headers and one.headers["etag"] == big.headers["etag"]


@pytest.mark.parametrize("path, status", [("/api/collections/orders/records/none", 404), ("/nowhere", 404)])
def test_a_trace_comes_back(server, path, status):
    answer = server.api.get(path, traceparent=TRACEPARENT)
    assert (answer.status, answer.headers["traceparent"], answer.json["trace_id"]) == (status, TRACEPARENT, TRACE)
    without = server.api.get(path, traceparent="00-nonsense")
    assert "traceparent" not in without.headers and "trace_id" not in without.json


def test_the_page_of_r0(tmp_path):
    with door.Door(tmp_path / "data") as gateway:
        assert gateway.api.get("/api").headers["location"] == "/api/docs"
        dom, picture, asked = browser.open_page(f"http://127.0.0.1:{gateway.port}/api/docs")
        assert "Monorepo API Gateway" in dom and "Authorize" in dom
        for name in ("Authentication", "Users", "/api/auth/register", "/auth/me", "Register a new user"):
            assert name in dom, name
        assert len(picture) > 50_000
        assert all(address.startswith(f"http://127.0.0.1:{gateway.port}/") for address in asked), asked
