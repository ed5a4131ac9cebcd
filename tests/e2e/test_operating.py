"""What an operator has: metrics that a real Prometheus scrapes, a dashboard, health of each process, log, variables."""

import json
import re

import door as doors
import millrace
import pytest
from prometheus import Prometheus

PARSE = """
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
print(json.dumps({name: [f.type, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]] for name, f in families.items()}))
"""

DYING = """
pipeline: dying
from: {changes: orders, start: earliest}
sql: SELECT c.order_id, CAST(c.customer_id AS INTEGER) AS customer FROM changes c
to:
  - table: {name: dying, key: order_id, on_delete: delete}
"""
CLICKS = "stream: clicks\nfields:\n  user_id: {type: text, required: true}\n"


@pytest.fixture
def busy(shop, data):
    """A server that has done something of everything that the dashboard shows."""
    millrace.write_project(shop, {}, {"dying": DYING}, "limits:\n  - {name: each, requests: 1000, every: 60s}\n",
                           {"clicks": CLICKS})
    with millrace.Server(shop, data) as server:
        for number in range(20):
            assert server.api.post("/api/collections/orders/records", {"customer_id": "ada", "amount": "1.50"}).status == 201
        server.api.post("/api/streams/clicks/events", {"user_id": "ada"})
        assert server.api.get("/nowhere").status == 404
        millrace.wait_until(lambda: len(millrace.dead_letters(data)) == 20, what="dead letters")
        redriven = millrace.run("deadletters", "redrive", "--data", data, "--pipeline", "dying", check=False)
        assert "20" in redriven.stdout + redriven.stderr, redriven  # they die again
        yield server


def parsed(server, tmp_path):
    answer = server.api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    (tmp_path / "metrics.txt").write_bytes(answer.body)
    return json.loads(millrace.venv_python(PARSE, tmp_path / "metrics.txt", packages=millrace.PROMETHEUS))


def test_metrics_are_exposition_text_with_process_and_requests(busy, tmp_path):
    families = parsed(busy, tmp_path)
    for name in ("process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"):
        _, help_text, samples = families[name]
        assert help_text and samples[0][2] > 0, name
    requests = {(s[1]["method"], s[1]["route"], s[1]["status_class"]): s[2] for s in families["http_requests"][2]}
    assert requests["POST", "/api/collections/{collection}/records", "2xx"] == 20
    assert requests["any", "unmatched", "4xx"] == 1
    kind, _, samples = families["http_request_seconds"]
    assert kind == "histogram"
    counts = {(s[1]["method"], s[1]["route"]): s[2] for s in samples if s[0].endswith("_count")}
    assert counts["POST", "/api/collections/{collection}/records"] == 20


def test_the_dashboard_shows_what_a_prometheus_has(busy, tmp_path):
    dashboard = json.loads((millrace.ROOT / "dashboards" / "millrace.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(asked) > 20
    own = set(re.findall(r"^# TYPE (\w+)", busy.api.get("/metrics").body.decode(), re.M))
    with Prometheus(tmp_path, [busy.port]) as prometheus:
        millrace.wait_until(prometheus.up, 30, what="a scrape")
        for expression in asked:
            for name in re.findall(r"(\w+)\{instance", expression):
                assert name.removesuffix("_bucket") in own, name
        empty = set(asked)

        def all_have_data():
            # Rates and times are shown of what happens now.
            busy.api.post("/api/collections/orders/records", {"customer_id": "7", "amount": "1.50"})
            empty.difference_update([e for e in empty if prometheus.query(filled(e))])
            return not empty

        try:
            millrace.wait_until(all_have_data, 20, 0.2, "data of every panel")
        finally:
            assert not empty


def filled(expression):
    """As Grafana fills in its variables."""
    return expression.replace("$instance", ".+").replace("$__rate_interval", "10s")


def health(api):
    answer = api.get("/health")
    body = answer.json
    assert set(body) == {"status", "info", "error", "details"}
    assert body["details"] == body["info"] | body["error"]
    return answer.status, body


def test_health_of_a_server_is_that_of_its_stores(shop, data):
    millrace.write_project(shop, {}, settings="limits:\n  - {name: each, requests: 1, every: 3600s}\n")
    with millrace.Server(shop, data) as server:
        for _ in range(3):  # neither counted nor kept
            status, body = health(server.api)
            assert (status, body["status"], body["error"]) == (200, "ok", {})
        assert body["info"]["records"] == {"status": "up"} and "log" in body["info"]


def test_a_start_opens_no_lakes_but_those_it_writes(shop, data):
    """There may be thousands of files; of its own it looks at the newest."""
    told = "a lake table cannot be read"
    with millrace.Server(shop, data):
        pass
    (data / "lake" / "theirs").mkdir(parents=True)
    (data / "lake" / "theirs" / "part-0000-00000000000000000000.parquet").write_bytes(b"damaged")
    with millrace.Server(shop, data) as server:
        assert told not in server.errors()
        server.api.get("/api/tables")
        assert told in server.errors()


def test_health_of_each_process(tmp_path):
    ports = {name: millrace.free_port() for name in ("identity", "health")}
    environment = {"AUTH_MICROSERVICE_PORT": str(ports["identity"]), "THROTTLE_LIMIT": "10",
                   "MILLRACE__IDENTITY__HEALTH_PORT": str(ports["health"])}
    with doors.Door(tmp_path / "data", "identity", environment):
        own = millrace.Api(ports["health"])
        status, body = health(own)
        assert (status, body["info"]["records"]["status"]) == (200, "up")
        assert b"process_cpu_seconds_total" in own.get("/metrics").body
        assert own.get("/api/collections/users/records").status == 404  # nothing else is there
        with doors.Door(tmp_path / "none", "gateway", environment) as gateway:
            for path in ("/health", "/api/health") * 6:  # more often than the throttle would let one
                assert gateway.api.get(path).json["status"] == "ok"


def lines(server):
    return [json.loads(line) for line in server.errors().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("level, seen", [("debug", True), ("log", True), ("warn", False), ("error", False)])
def test_the_log_has_its_level_and_a_context_in_each_line(tmp_path, level, seen):
    with doors.Door(tmp_path / "data", env={"LOG_LEVEL": level}) as server:
        server.api.get("/api/auth/me")
        server.stop()
        logged = lines(server)
        assert all(line["context"] for line in logged)
        requests = [line for line in logged if line["msg"] == "request"]
        assert [line["context"] for line in requests] == (["gateway"] if seen else [])


def test_the_log_can_be_text(tmp_path):
    with doors.Door(tmp_path / "data", env={"MILLRACE__LOGGING__FORMAT": "text"}) as server:
        server.api.get("/api/auth/me")
        server.stop()
        assert re.search(r"^\S+Z INFO  \[gateway\] request method=GET path=/api/auth/me status=401", server.errors(), re.M)


def test_variables_of_the_description_and_of_the_code(data, tmp_path):
    project = millrace.ROOT / "examples" / "orders-lake"
    environment = {"LOG_LEVEL": "log", "ORDERS_STREAM_NAME": "orders_cdc_stream", "ETL_REDIS_HOST": "redis",
                   "MINIO_BUCKET": "orders-data", "ETL_MINIO_SECRET_KEY": "hidden", "MONGO_URI": "mongodb://mongo:27017/etl-db"}
    with millrace.Server(project, data, env=environment) as server:
        server.stop()
        told = {line["variable"]: line["why"] for line in lines(server) if line["msg"] == "variable not used"}
        assert set(told) == set(environment) - {"LOG_LEVEL"} and "lake" in told["MINIO_BUCKET"]
        assert "hidden" not in server.errors()
    refused = millrace.run("serve", "--project", project, "--data", tmp_path / "other", check=False,
                           env={"REDIS_HOST": "one", "ETL_REDIS_HOST": "two"})
    assert refused.returncode != 0
    assert "REDIS_HOST and ETL_REDIS_HOST are the same and have different values: leave one out" in refused.stderr
