"""The running system under real kills, in short. The long forms are `python -m tests.faults`.

With DATABASE_URL of a PostgreSQL the same is done on a private server, whose postmaster is killed too.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Iterator

import pytest

from tests.databases import NoDatabase, PostgreSQL, missing_is_a_failure
from tests.faults import outages
from tests.faults.chaos import under_fire
from tests.faults.system import PYTHON, ROOT, System

pytestmark = pytest.mark.processes
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL | None]:
    if not ON_POSTGRESQL:
        yield None
        return
    try:
        own = PostgreSQL(durable=True)
    except NoDatabase as problem:
        if missing_is_a_failure():
            raise
        pytest.skip(str(problem))
    yield own
    own.stop()


@pytest.fixture(scope="module")
def system(server: PostgreSQL | None) -> Iterator[System]:
    system = System(server.url if server else "", environment={"LEASES": "short"})
    try:
        yield system.start()
    finally:
        system.stop()


class RunningSystem:
    """One system for all; the last test ends it."""

    def test_loses_nothing_and_sends_nothing_twice_while_processes_are_killed(self, system: System, server: PostgreSQL | None) -> None:
        verdict = under_fire(system, server, messages=250, kills=6, seed=20261122, database_kills=1 if server else 0, patience=120)
        assert not verdict.broken, f"{verdict.table()}\n{system.tail()}"

    @pytest.mark.parametrize("role", ["sentinel", "parent", "rest"])
    def test_goes_on_after_an_idle_part_of_the_cluster_is_killed(self, system: System, role: str) -> None:
        outages.idle(system, 1.5)
        outages.kill_idle(system, role)
        assert outages.write_and_wait(system, f"wamid.idle.{role}", 90) < 90

    def test_answers_200_while_the_database_is_away(self, system: System, server: PostgreSQL | None) -> None:
        if server is None:
            pytest.skip("SQLite does not go away")
        answers, seconds = outages.without_database(system, server, 6)
        assert answers and set(answers) == {200}
        assert seconds < 60

    def test_leaves_no_process_behind_when_it_is_killed_itself(self, system: System) -> None:
        process = system.process
        assert process is not None
        seconds, left = outages.orphans_after(system, process.kill, 10)
        assert left == [], f"after {seconds:.0f} s"

    def test_leaves_no_process_behind_after_ctrl_c(self, system: System) -> None:
        """The start proves that no port is held either."""
        process = system.start().process
        assert process is not None
        seconds, left = outages.orphans_after(system, lambda: process.send_signal(signal.SIGINT), 30)
        assert left == [], f"after {seconds:.0f} s"
        assert process.wait(5) == 0


class UnwritableSpool:
    def test_refuses_to_start(self, tmp_path: object) -> None:
        """A file where the folder should be stands for read-only: root may write anywhere."""
        system = System(environment={})
        try:
            spool = system.folder / "spool"
            spool.write_text("")
            spool.chmod(stat.S_IRUSR)
            command = [PYTHON, "manage.py", "up", "--no-story"]
            done = subprocess.run(command, cwd=ROOT, env=system.environment, capture_output=True, text=True, timeout=60)
            assert done.returncode != 0
            assert "spool folder" in done.stderr and "SPOOL_DIR" in done.stderr
            assert "Traceback" not in done.stderr
        finally:
            system.stop()
