"""What the command line says when something is not as it should be."""

import gzip
import socket

import millrace

USAGE, BAD_PROJECT = 2, 3


def test_an_unknown_command_is_named(tmp_path):
    near = millrace.run("sevre", "--port", "1", check=False)
    assert near.returncode == USAGE and not near.stdout
    assert "no command 'sevre'; did you mean serve?" in near.stderr
    far = millrace.run("nope", check=False)
    assert far.returncode == USAGE and "no command 'nope'; commands: " in far.stderr and "verify" in far.stderr


def test_check_counts_in_words(shop):
    assert millrace.run("check", "--project", shop).stdout == "test: 2 collections, 1 pipeline, no problem found\n"


def test_check_names_bad_settings_beside_other_problems(shop):
    orders = shop / "collections" / "orders.yaml"
    orders.write_text(orders.read_text().replace("key: order_id", "key: nope"))
    with open(shop / "millrace.yaml", "a") as file:
        file.write("settings: {http: {prot: 1}}\n")
    result = millrace.run("check", "--project", shop, check=False)
    assert result.returncode == BAD_PROJECT
    assert "collections/orders.yaml:" in result.stdout
    assert "millrace.yaml:3:" in result.stdout and "http.prot" in result.stdout


def test_status_of_a_sink_that_cannot_start_shows_where_it_stands(shop, data):
    with millrace.Server(shop, data) as server:
        for i in range(3):
            order = {"order_id": f"o{i}", "customer_id": "c", "amount": 1}
            assert server.api.post("/api/collections/orders/records", order).status == 201
        millrace.wait_drained(data)
    pipeline = shop / "pipelines" / "orders_now.yaml"
    pipeline.write_text(pipeline.read_text().replace("c.amount,", "c.amount::double AS amount,"))
    with millrace.Server(shop, data, wait=False) as server:
        # Only then: a status that comes before the server would hold the directory's lock.
        millrace.wait_until(lambda: server.errors().count("pipeline stopped") == 2, what="both sinks refused")
        sinks = millrace.status(data)[0]["sinks"]
        assert [s["state"] for s in sinks] == ["stopped", "stopped"]
        assert [(s["position"], s["lag_events"]) for s in sinks] == [(3, 0), (3, 0)]
        assert "pipelines rebuild orders_now" in sinks[0]["reason"]


def test_the_reference_is_what_the_program_prints(tmp_path):
    millrace.run("reference", "--write", tmp_path)
    assert {page.name for page in tmp_path.iterdir()} == {"cli.md", "settings.md"}
    for page in tmp_path.iterdir():
        assert page.read_text() == (millrace.ROOT / "docs" / "reference" / page.name).read_text(), "run ./dev docs"


def test_an_idle_connection_is_closed_after_the_set_time(shop, data):
    with millrace.Server(shop, data, args=["--set", "http.idle_timeout=100ms"]) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while piece := client.recv(4096):  # ends when the server closes, long before the default of 75 s
                answer += piece
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b'{"status":"ok"}')


def test_a_retyped_field_of_stored_records_is_refused(shop, data):
    with millrace.Server(shop, data) as server:
        order = {"order_id": "o1", "customer_id": "c", "amount": "12.50"}
        assert server.api.post("/api/collections/orders/records", order).status == 201
    orders = shop / "collections" / "orders.yaml"
    orders.write_text(orders.read_text().replace("decimal(10,2)", "decimal(10,3)"))
    refused = millrace.run("serve", "--project", shop, "--data", data, "--port", 0, check=False)
    assert refused.returncode != 0
    assert "orders: field amount: decimal(10,2) required min=\"0.00\" -> decimal(10,3)" in refused.stderr
    assert "record 'o1' has a value of the type decimal(10,2)" in refused.stderr


def test_import_names_file_and_line_of_what_it_refused(shop, data, tmp_path):
    good = "".join(f"c{i},n{i}\n" for i in range(5000))
    content = gzip.compress(f'customer_id,name\na,"x"y\n{good}'.encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(content[:len(content) // 2])
    with millrace.Server(shop, data) as server:
        result = millrace.run("import", "customers", path, "--url", f"http://127.0.0.1:{server.port}", "--quiet",
                              check=False)
    assert result.returncode == 1
    assert "2 refused" in result.stdout
    assert f"{path}:2: text behind a closing quote" in result.stdout
    assert "the gzip data end too early" in result.stdout and "nothing behind it was read" in result.stdout


def test_verify_compares_everything_of_the_example(tmp_path, data):
    millrace.run("init", tmp_path / "shop")
    with millrace.Server(tmp_path / "shop", data) as server:
        for collection, record in [("customers", {"customer_id": "ada", "name": "Ada"}),
                                   ("orders", {"order_id": "o-1", "customer_id": "ada", "amount": "12.50"})]:
            assert server.api.post(f"/api/collections/{collection}/records", record).status == 201
    printed = millrace.run("verify", "--data", data).stdout
    orders = printed[printed.index("orders: agrees"):]
    assert "left out" not in orders
    for line in ["history  log ", "history  lake.orders_history ", "state    orders "]:
        assert line in orders, printed
