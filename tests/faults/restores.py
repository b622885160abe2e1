"""A backup that is made under load, brought back on a clean host with the commands of the README.

    python -m tests.faults.restores --database sqlite
    python -m tests.faults.restores --database postgresql --messages 2000

Customers write and a partner answers while `manage.py backup` runs. Then `manage.py restore` on a host that has nothing but the keys, and
the product is started there. What was acknowledged before the backup began is there, once; nothing is there that nobody wrote; what had
gone out does not go out again; the ledger adds up, the audit and the backup read back whole, and the host says that it is ready. The host
that was backed up goes on meanwhile, and nothing is lost or doubled there either.

Exit code 1 when a promise was broken. Must turn red with SABOTAGE=torn_backup (each table as of its own moment): the restore itself may
find rows that contradict each other then, else the counts do.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.databases import PostgreSQL
from tests.faults.deploys import Load, finish, main_of
from tests.faults.driver import Driver
from tests.faults.system import System, leave
from tests.faults.verdict import Verdict

MOST_SECONDS = 15 * 60
# Of the messages, when the backup begins: there is something to lose, and the load goes on until it is made.
BEGINS_AT = 0.1
READY_SECONDS = 90.0


def acknowledged(driver: Driver) -> set[str]:
    return {said.wamid for post in list(driver.posts) if post.acknowledged for said in post.said}


def restore(system: System, verdict: Verdict, given: argparse.Namespace) -> None:
    place = Path(tempfile.mkdtemp(prefix="scrm-backup-", dir="/tmp"))
    system.environment |= {"BACKUP_KEY": system.manage("backup", "--new-key").strip(), "BACKUP_URL": f"file://{place}"}
    try:
        with Load(system, messages=given.messages, seed=given.seed) as load:
            load.wait_for(BEGINS_AT)
            before = acknowledged(load.driver)
            promised = {ask.message for ask in list(load.driver.asks) if ask.message}
            began = time.monotonic()
            made = asked(system, verdict, "backup")
            took = time.monotonic() - began
            meanwhile = len(acknowledged(load.driver)) - len(before)
        verdict.figures |= {"acknowledged before the backup": len(before), "while it was made": meanwhile}
        verdict.figures["backup"] = f"{took:.1f} s, {made.get('rows')} rows, {made.get('segments')} segments"
        finish(system, load, verdict, kills=0)
        on_a_clean_host(system, verdict, load.driver, before=before, promised=promised, made=made, took=took)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def asked(system: System, verdict: Verdict, command: str) -> dict[str, Any]:
    """What the command says; nothing when it fails, which is a promise broken."""
    try:
        told: dict[str, Any] = json.loads(system.manage(command, "--format", "json"))
    except RuntimeError as problem:
        told = {}
        sys.stdout.write(f"{problem}\n")
    verdict.demand(f"{command} that failed", int(not told))
    return told


def on_a_clean_host(
    system: System, verdict: Verdict, driver: Driver, *, before: set[str], promised: set[int], made: dict[str, Any], took: float
) -> None:
    server = PostgreSQL(durable=True) if system.database_url else None
    keys = {name: system.environment[name] for name in ("BACKUP_KEY", "BACKUP_URL")}
    host = System(server.url if server else "", environment=system.keys | keys)
    try:
        began = time.monotonic()
        came = asked(host, verdict, "restore")
        seconds = time.monotonic() - began
        verdict.figures["restore"] = f"{seconds:.1f} s"
        verdict.demand("seconds of backup and restore", int(took + seconds), most=MOST_SECONDS)
        if not came or not made:
            return
        verdict.demand("rows that did not come", abs(came["rows"] - made["rows"]))
        check_what_came(verdict, host, driver, before=before, promised=promised)
        gone_out = Counter(row["reference"] for row in system.history("accepted"))
        host.start()
        take_in(verdict, host)
        check_inbound(verdict, host, driver, before)
        check_green(verdict, host)
        again = Counter(row["reference"] for each in (system, host) for row in each.history("accepted"))
        verdict.demand("sent again after the restore", sum((again - gone_out).values()))
    finally:
        host.stop()
        if server:
            server.stop()


def check_what_came(verdict: Verdict, host: System, driver: Driver, *, before: set[str], promised: set[int]) -> None:
    """Before anything runs there: rows of one moment."""
    ours = {row[0] for row in host.rows("SELECT id FROM conversations_message WHERE direction = 'out'")}
    verdict.demand("promises to the partner that did not come", len(promised - ours))
    heard = host.number("SELECT count(*) FROM contacts_event WHERE kind = 'message.received'")
    told = host.number("SELECT count(*) FROM conversations_message WHERE direction = 'in'")
    verdict.demand("messages without their event", abs(heard - told))
    stray = """SELECT count(*) FROM conversations_message m LEFT JOIN conversations_conversation c ON c.id = m.conversation_id
        WHERE c.id IS NULL OR c.last_message_at < m.sent_at"""
    verdict.demand("messages that their conversation does not know", host.number(stray))


def take_in(verdict: Verdict, host: System) -> None:
    """Bodies that were stored and not opened yet when the backup saw them."""
    waiting = "SELECT count(*) FROM intake_inboundevent WHERE state <> 'done'"
    verdict.figures["bodies not opened in the backup"] = host.number(waiting)
    ends = time.monotonic() + READY_SECONDS
    while host.number(waiting) and time.monotonic() < ends:
        time.sleep(0.5)
    verdict.demand("stuck: bodies not opened", host.number(waiting))


def check_inbound(verdict: Verdict, host: System, driver: Driver, before: set[str]) -> None:
    stored = Counter(row[0] for row in host.rows("SELECT external_id FROM conversations_message WHERE direction = 'in'"))
    posted = {said.wamid for post in driver.posts for said in post.said} | {row["wamid"] for row in driver.system.history("inbound")}
    later = len(acknowledged(driver) - set(stored))
    verdict.figures["messages on the clean host"] = f"{len(stored)}, {later} more were written after the moment of the backup"
    verdict.demand("backups that met no load", int(not before or not later))
    verdict.demand("K1: acknowledged before the backup and lost", len(before - set(stored)))
    verdict.demand("K1: restored twice", sum(count - 1 for count in stored.values()))
    verdict.demand("K1: restored, never posted", len(set(stored) - posted))


def check_green(verdict: Verdict, host: System) -> None:
    lines = json.loads(host.manage("ledger", "--format", "json", check=False))
    verdict.demand("restored ledger lines that do not add up", sum(not line["balanced"] for line in lines.values()))
    for name, command in (("audit", ["verify_audit"]), ("backup", ["backup", "--check"])):
        verdict.demand(f"{name} that does not read back whole", int(not _ends_well(partial(host.manage, *command))))
    try:
        verdict.figures["ready after"] = f"{host.wait_until(host.ready, READY_SECONDS, 'it is ready'):.0f} s"
    except RuntimeError:
        verdict.demand("hosts that are not ready", 1)


def _ends_well(command: Callable[[], object]) -> bool:
    try:
        command()
    except RuntimeError as problem:
        sys.stdout.write(f"{problem}\n")
        return False
    return True


if __name__ == "__main__":
    leave(lambda: main_of({"restore": (restore, {})}, __doc__, lambda parser: parser.add_argument("--messages", type=int, default=2000)))
