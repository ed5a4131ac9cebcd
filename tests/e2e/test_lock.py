"""One process a data directory; what only looks does not keep a server from starting."""

import fcntl
import threading

import millrace


def test_a_server_waits_for_a_command_that_looks_and_not_for_another_server(shop, data):
    with millrace.Server(shop, data) as server:
        server.stop()
    held = open(data / "LOCK", "r+")
    fcntl.flock(held, fcntl.LOCK_EX)
    release = threading.Timer(0.5, held.close)
    release.start()
    with millrace.Server(shop, data) as server:
        release.join()
        assert server.api.get("/readyz").status == 200
        second = millrace.run("serve", "--project", shop, "--data", data, "--port", "0", check=False)
        assert second.returncode == 4 and f"in use by process {server.pid}" in second.stderr
