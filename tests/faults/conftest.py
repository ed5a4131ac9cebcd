import os
import pathlib
import random
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "lib"), str(pathlib.Path(__file__).parent)]

import millrace  # noqa: E402
import projects  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--rounds", type=int, default=40, help="rounds of the kill loop")
    parser.addoption("--seed", type=int, default=None, help="seed of a run that failed")


def pytest_configure(config):
    config.millrace_seed = config.getoption("--seed")
    if config.millrace_seed is None:
        config.millrace_seed = random.SystemRandom().randrange(10**9)


def pytest_report_header(config):
    return f"millrace: seed {config.millrace_seed} (again with --seed {config.millrace_seed})"


@pytest.fixture(scope="session", autouse=True)
def binary():
    assert millrace.BINARY.exists(), f"{millrace.BINARY} is not built: ./dev build"
    assert os.geteuid() == 0, "fault tests mount file systems: they need root"


@pytest.fixture(scope="session")
def fault_binary():
    assert millrace.FAULT_BINARY.exists(), f"{millrace.FAULT_BINARY} is not built: ./dev build faults"
    return millrace.FAULT_BINARY


@pytest.fixture
def seed(request):
    return request.config.millrace_seed


@pytest.fixture
def shop(tmp_path):
    return projects.write(tmp_path / "project")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def journals(tmp_path):
    """Apart from the data, and on another file system where those are on an image."""
    directory = tmp_path / "journals"
    directory.mkdir()
    return directory
