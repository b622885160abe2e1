"""The running system under real kills, in short. The long forms are `python -m tests.faults`.

With DATABASE_URL of a PostgreSQL the same is done on a private server, whose postmaster is killed too.
"""

from __future__ import annotations

import argparse
import os
import signal
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from tests import migrated
from tests.databases import NoDatabase, PostgreSQL, missing_is_a_failure
from tests.faults import deploys, outages, sieges
from tests.faults.chaos import under_fire
from tests.faults.driver import post_bytes
from tests.faults.system import PYTHON, ROOT, System
from tests.faults.verdict import Verdict, wait_for_quiet

pytestmark = pytest.mark.processes
# Of four kills it lets two meet what works in the background, and one each the web's processes and the cluster's head.
SEED = 20261129
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[PostgreSQL | None]:
    if not ON_POSTGRESQL:
        yield None
        return
    try:
        own = PostgreSQL(durable=True)
    except NoDatabase as problem:
        if missing_is_a_failure():
            raise
        pytest.skip(str(problem))
    try:
        request.getfixturevalue("django_db_setup")
        migrated.fill(own)
        yield own
    finally:
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
        verdict = under_fire(system, server, messages=150, kills=4, seed=SEED, database_kills=1 if server else 0, patience=240)
        assert not verdict.broken, f"{verdict.table()}\n{system.tail()}"

    @pytest.mark.parametrize("role", ["sentinel", "parent"])
    def test_goes_on_after_an_idle_part_of_the_cluster_is_killed(self, system: System, role: str) -> None:
        outages.idle(system, 1.5)
        outages.kill_idle(system, role)
        assert outages.write_and_wait(system, f"wamid.idle.{role}", 90) < 90

    def test_answers_200_while_the_database_is_away(self, system: System, server: PostgreSQL | None) -> None:
        if server is None:
            pytest.skip("SQLite does not go away")
        told = outages.without_database(system, server, 6)
        assert len(told.answers) >= 120 and set(told.answers) == {200}
        assert told.first_work <= outages.MOST_SECONDS_TO_WORK and told.everything <= outages.MOST_SECONDS_TO_CATCH_UP

    def test_answers_everybody_while_slow_clients_hold_their_bodies_back(self, system: System) -> None:
        head = b"POST /webhooks/whatsapp/sandbox-hk/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nabc"
        system.wait_until(system.ready, 30, "what the tests before it ended is back")
        with sieges.besieged(system, head, 60):
            assert [sieges.get(system, "/healthz", timeout=10) for _ in range(5)] == [200] * 5
            raw, headers, url = sieges.said(system, "besieged", ["喂?"])
            assert post_bytes(url, raw, headers) == 200
        system.wait_until(lambda: sieges.stored(system, "besieged") == 1, 60, "it is in its thread")

    def test_meets_no_error_while_another_program_holds_the_writer(self, system: System, server: PostgreSQL | None) -> None:
        if server is not None:
            pytest.skip("PostgreSQL has no single writer")
        verdict = Verdict()
        sieges.locked(system, verdict, argparse.Namespace(seed=1, away=5.0))
        assert not verdict.broken, verdict.table()

    def test_leaves_no_process_behind_when_it_is_killed_itself(self, system: System) -> None:
        process = system.process
        assert process is not None
        seconds, left = outages.orphans_after(system, process.kill, 10)
        assert left == [], f"after {seconds:.0f} s"

    def test_goes_on_where_it_was_after_a_deploy_under_load(self, system: System) -> None:
        system.start()
        with deploys.Load(system, messages=60, seed=7) as load, deploys.somebody_writes(load.driver):
            load.wait_for(0.4)
            seconds, code = deploys.redeploy(system)
        _, left = wait_for_quiet(system, 90)
        assert (code, left) == (0, {})
        assert seconds < deploys.MOST_SECONDS_TO_END
        assert "by force" not in system.tail()
        promised = {said.wamid for post in load.driver.posts for said in post.said}
        stored = Counter(row[0] for row in system.rows("SELECT external_id FROM conversations_message WHERE direction = 'in'"))
        assert {wamid: stored[wamid] for wamid in promised} == dict.fromkeys(promised, 1)
        assert max(Counter(row["reference"] for row in system.history("accepted")).values()) == 1

    def test_leaves_no_process_behind_after_ctrl_c(self, system: System) -> None:
        process = system.process
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
