"""One process a data directory; stopped, woken, and ended under load."""

import signal
import time

import millrace
import oracle
import projects
import pytest
from millrace import Server
from workload import Crew

IN_USE = 4  # exit code
STOPS_WITHIN = 10  # seconds


def refused(project, data, pid):
    """A second server ends by itself and names the first."""
    with Server(project, data, wait=False) as second:
        assert second.process.wait(20) == IN_USE, second.errors()
        assert str(pid) in second.errors(), second.errors()
        assert second.process.stdout.read() == b""


def test_a_second_process_is_refused_and_told_the_pid(shop, data, journals, seed):
    crew = Crew(seed, journals)
    with Server(shop, data) as server:
        refused(shop, data, server.pid)
        crew.run_for(server.port, 5)
        oracle.check(data, journals, server.api, seed)


def test_the_lock_of_a_killed_process_does_not_stay(shop, data):
    for _ in range(3):
        with Server(shop, data) as server:
            server.kill()


def test_a_stopped_process_keeps_its_directory_and_goes_on_when_it_wakes(shop, data, journals, seed):
    """SIGSTOP is the worst pause: the kernel holds the lock for the sleeper, so nobody can
    take over behind its back, and it needs no fencing when it wakes."""
    crew = Crew(seed, journals)
    with Server(shop, data) as server:
        crew.start(server.port)
        millrace.wait_until(lambda: crew.acked > 100, what="some load")
        server.process.send_signal(signal.SIGSTOP)
        try:
            refused(shop, data, server.pid)
        finally:
            server.process.send_signal(signal.SIGCONT)
        acked = crew.acked
        millrace.wait_until(lambda: crew.acked > acked + 50, what="it goes on")
        crew.join()
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]


def test_no_way_round_the_lock(shop, data, journals, seed):
    """Somebody removes the LOCK file of a sleeping server: the stores hold locks of their
    own, so a second writer still does not get in, and the sleeper loses nothing."""
    crew = Crew(seed, journals)
    with Server(shop, data) as server:
        crew.run_for(server.port, 20)
        server.process.send_signal(signal.SIGSTOP)
        try:
            (data / "LOCK").unlink()
            with Server(shop, data, wait=False) as second:
                assert second.process.wait(30) != 0, "two servers on one directory"
                assert second.process.stdout.read() == b"" and second.errors()
        finally:
            server.process.send_signal(signal.SIGCONT)
        crew.run_for(server.port, 20)
        oracle.check(data, journals, server.api, seed)
        assert not crew.violations, crew.violations[:5]


@pytest.mark.parametrize("number", range(4))
def test_sigterm_under_load_ends_in_time_and_closes_rolls(number, tmp_path, data, journals, seed):
    shop = projects.write(tmp_path / "project", roll_rows=1_000_000, roll_every="60s")
    crew = Crew(f"{seed}/{number}", journals)
    with Server(shop, data) as server:
        crew.start(server.port)
        millrace.wait_until(lambda: crew.acked > 100 * (number + 1), what="some load")
        begin = time.monotonic()
        assert server.stop(STOPS_WITHIN) == 0
        assert time.monotonic() - begin < STOPS_WITHIN
        crew.join()
    assert not crew.violations, crew.violations[:5]
    # Without a server: nothing is left to make visible, although rolls were to last a minute.
    assert [p["lag_events"] for p in millrace.status(data)] == [0, 0, 0]
    lake = millrace.sql(data, "SELECT count(*)::INT AS n FROM lake.orders_history")[0]["n"]
    assert lake == len(oracle.read_log(data, "orders")) > 0
    with Server(shop, data) as server:
        oracle.check(data, journals, server.api, seed)
