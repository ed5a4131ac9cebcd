import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import millrace  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The default project; short deadlines, so that who stalls is cut within the test."""
    place = tmp_path_factory.mktemp("attacks")
    millrace.run("init", place / "shop")
    with millrace.Server(place / "shop", place / "data", args=["--set", "http.idle_timeout=60s"]) as running:
        yield running
        assert running.stop() == 0, running.errors()
