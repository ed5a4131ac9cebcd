"""One process a data directory; what only looks does not keep a server from starting."""

import fcntl
import os
import shutil
import tempfile
import threading

import millrace


def test_what_one_may_not_look_into_is_not_absent(shop, data):
    with millrace.Server(shop, data):
        pass
    for command in (["status", "--data", data], ["check", "--project", shop]):  # both lie in a directory of mode 0700
        refused = millrace.run(*command, check=False, user=65534, group=65534, extra_groups=[])
        said = refused.stdout + refused.stderr
        assert refused.returncode != 0 and "cannot look into" in said and "Permission denied" in said


def test_what_one_may_not_write_to_is_not_read(shop, data):
    with millrace.Server(shop, data):
        pass
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(data, f"{place}/data", ignore=lambda _, names: [n for n in names if n.endswith(".sock")])
        for path in (place, f"{place}/data"):
            os.chmod(path, 0o755)
        os.chmod(f"{place}/data/FORMAT", 0o644)
        refused = millrace.run("status", "--data", f"{place}/data", check=False, user=65534, group=65534,
                               extra_groups=[])
        assert refused.returncode != 0 and "copy it, or run as its owner" in refused.stderr, refused


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
