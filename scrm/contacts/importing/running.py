"""Imports at work, chunk by chunk, in the background or in a command.

A chunk's people, its rows and the place to go on from are written in one transaction, which first makes sure that the import still
stands where the chunk begins. So a process may be killed at any moment: the chunk is either in, or not at all, and nothing twice. A lease
only keeps two workers from doing the same work; a dead holder's lease on this host ends with its process.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
from array import array
from collections import Counter
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef, Q

from scrm.contacts.importing import limits, staging, uploading
from scrm.contacts.importing.loading import Loader
from scrm.contacts.importing.parsing import Layout, Said, parse
from scrm.contacts.importing.sheets import BadFile
from scrm.contacts.importing.uploading import NotNow
from scrm.contacts.models import Import, ImportRow
from scrm.core import audit, clock, jobs
from scrm.core.crashpoints import crash_here
from scrm.core.loading import add_many
from scrm.core.logs import trail

logger = logging.getLogger(__name__)

DRAIN = "contacts.imports"
State = Import.State
Outcome = ImportRow.Outcome
AT_WORK = (State.CHECKING, State.RUNNING, State.UNDOING)
LEASE = timedelta(seconds=45)
ATTEMPTS = 4
_THERE = ~Q(file="")


# --- what people ask for ----------------------------------------------------------------------------------------------


def check(run: Import) -> bool:
    """Try without effect. False when it is not the time: it is being checked, or runs, or ran already, or the file is gone."""
    states = (State.UPLOADED, State.CHECKED, State.FAILED)
    only = _THERE & Q(started_at=None)
    return _move(run, states, State.CHECKING, only=only, position=0, checked={}, error="", attempts=0, finished_at=None)


def start(run: Import, *, by: Any) -> bool:
    """Load for good. Safe to ask twice: False when it was started already, or the file is gone."""
    with transaction.atomic():
        moved = _move(run, (State.CHECKED,), State.RUNNING, only=_THERE, started_at=clock.now(), position=0, error="", attempts=0)
        if moved:
            ImportRow.objects.filter(run=run).delete()
            uploading.remember(run)
            audit.record("contacts.imported", by=by, subject=run, after={"file": run.filename, "rows": run.rows_total})
    return moved


def pause(run: Import) -> bool:
    return _move(run, (State.RUNNING,), State.PAUSED)


def resume(run: Import) -> bool:
    """Go on with what was broken off: the loading, or the undoing when rows were taken back already."""
    taken_back = ImportRow.objects.filter(run=OuterRef("pk"), outcome__in=(Outcome.UNDONE, Outcome.KEPT))
    if _move(run, (State.FAILED,), State.UNDOING, only=Q(Exists(taken_back)), error="", attempts=0):
        return True
    began = _THERE & Q(started_at__isnull=False)
    return _move(run, (State.PAUSED, State.STOPPED, State.FAILED), State.RUNNING, only=began, error="", attempts=0, finished_at=None)


def stop(run: Import) -> bool:
    return _move(run, (State.RUNNING, State.PAUSED), State.STOPPED, finished_at=clock.now())


def _move(run: Import, states: Any, state: str, *, only: Q | None = None, **more: Any) -> bool:
    rows = Import.objects.filter(only or Q(), pk=run.pk, state__in=states)
    moved = bool(rows.update(state=state, lease_until=None, holder="", **more))
    run.refresh_from_db()
    if moved and state in AT_WORK:
        jobs.wake_on_commit(DRAIN)
    return moved


# --- the work ---------------------------------------------------------------------------------------------------------


@jobs.drain(DRAIN, slots=2)
def step() -> int:
    """One chunk of the oldest import that nobody is at."""
    staging.remove_forgotten()
    if not Import.objects.filter(state__in=AT_WORK).exists():
        return 0
    run = _lease()
    return 0 if run is None else work_on(run)


def _lease() -> Import | None:
    now = clock.now()
    for run in Import.objects.filter(state__in=AT_WORK).order_by("pk"):
        if run.lease_until and run.lease_until > now and not _is_gone(run.holder):
            continue
        free = Import.objects.filter(pk=run.pk, lease_until=run.lease_until, state=run.state)
        if free.update(lease_until=now + LEASE, holder=_me()):
            run.lease_until, run.holder = now + LEASE, _me()
            return run
    return None


def _me() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def _is_gone(holder: str) -> bool:
    host, _, pid = holder.rpartition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def work_on(run: Import) -> int:
    """One chunk. What goes wrong is counted, and after a few times the import waits for a person with the reason."""
    from scrm.contacts.importing import undoing

    position = run.position
    # A chunk makes a hundred thousand objects, none of which refers back to another: looking for cycles among them costs a fifth of it.
    collects = gc.isenabled()
    gc.disable()
    try:
        if run.state == State.UNDOING:
            return undoing.step(run)
        return _check_chunk(run) if run.state == State.CHECKING else _load_chunk(run)
    except BadFile as error:
        _fail(run, error.code, final=True)
        return 1
    except (IntegrityError, OperationalError) as error:
        # Somebody else made one of these people a moment ago, or two waited for each other: now they can be found.
        logger.info("chunk at %s of import %s is tried again: %s", position, run.pk, trail(error))
        _fail(run, type(error).__name__, final=False)
        return 1
    except Exception as error:
        logger.warning("chunk at %s of import %s failed: %s", position, run.pk, trail(error))
        _fail(run, f"{type(error).__name__}: {error}"[:300], final=False)
        return 1
    finally:
        if collects:
            gc.enable()
        Import.objects.filter(pk=run.pk, holder=run.holder).update(lease_until=None, holder="")


def _fail(run: Import, reason: str, *, final: bool) -> None:
    rows = Import.objects.filter(pk=run.pk, state__in=AT_WORK)
    if final or run.attempts + 1 >= ATTEMPTS:
        rows.update(state=State.FAILED, error=reason, finished_at=clock.now())
    else:
        rows.update(attempts=run.attempts + 1)


def chunk_size() -> int:
    return limits.CHUNK[connection.vendor]


def layout_of(run: Import) -> Layout:
    users = get_user_model().objects.filter(is_active=True).values_list("username", "display_name", "email", "pk")
    owners: dict[str, int] = {}
    for username, shown, email, pk in users:
        for name in (email, shown, username):
            if name:
                owners[name.casefold()] = pk
    options = run.options
    regions = tuple(options.get("regions") or ())
    headers, mapping = tuple(run.columns), tuple(run.mapping)
    return Layout(headers, mapping, regions, str(options.get("consent_source", "")), owners, clock.now().date())


def _parsed(run: Import) -> list[Said]:
    layout = layout_of(run)
    return [parse(line, cells, layout) for line, cells in staging.rows(run, run.position, chunk_size())]


def _check_chunk(run: Import) -> int:
    if run.rows_total is None or not run.position:
        total = staging.stage(run)
        Import.objects.filter(pk=run.pk, state=State.CHECKING, position=0).update(rows_total=total)
        ImportRow.objects.filter(run=run).delete()
        (staging.folder_of(run) / "seen.bin").unlink(missing_ok=True)
        run.rows_total, run.checked = total, {}
    rows = _parsed(run)
    loader = Loader(run, rows, by=_by(run))
    counts = Counter(run.checked.get("counts", {}))
    bad = [result for result in loader.results.values() if result.outcome == Outcome.BAD]
    counts.update(str(result.outcome) for result in loader.results.values())
    counts["noted"] += sum(bool(result.notes) for result in loader.results.values() if result.outcome != Outcome.BAD)
    again = _seen_before(run, loader)
    counts["created"] -= again
    counts["updated"] += again
    reasons = Counter(run.checked.get("reasons", {}))
    reasons.update(f"{said['column']}\t{said['code']}" for result in bad for said in (result.notes or [])[:1])
    with transaction.atomic():
        row = _mine(run)
        if row is None:
            return 1
        add_many(ImportRow, bad)
        add_many(ImportRow, [result for result in loader.results.values() if result.notes and result.outcome != Outcome.BAD])
        row.position += len(rows)
        row.checked = {"counts": dict(counts), "reasons": dict(reasons.most_common(200))}
        row.attempts = 0
        if row.position >= (run.rows_total or 0) or not rows:
            row.state = State.CHECKED
        row.save(update_fields=["position", "checked", "state", "attempts"])
    return max(len(rows), 1)


def _seen_before(run: Import, loader: Loader) -> int:
    """How many of the new people of this chunk were named by a chunk before it. What is seen lies beside the rows, 8 bytes a key."""
    path = staging.folder_of(run) / "seen.bin"
    known = array("q")
    if path.exists():
        known.frombytes(path.read_bytes()[: path.stat().st_size // 8 * 8])
    seen = set(known)
    again, fresh = 0, array("q")
    for person in loader.chunk.people:
        if person.contact is not None:
            continue
        keys = {hash(key) for said in person.rows for key in _keys(said)}
        again += bool(keys & seen)
        fresh.extend(keys - seen)
    with path.open("ab") as file:
        file.write(fresh.tobytes())
    return again


def _keys(said: Said) -> list[int]:
    import zlib

    words = [f"x{said.external_id}"] if said.external_id else []
    words += [*said.numbers, *(email for email, _ in said.emails)]
    return [zlib.crc32(word.encode()) << 20 ^ zlib.adler32(word.encode()) for word in words] or [said.digest]


def _load_chunk(run: Import) -> int:
    rows = _parsed(run)
    with transaction.atomic():
        if connection.vendor == "postgresql" and run.position + len(rows) < (run.rows_total or 0):
            # Rows and position are one transaction: what a crash of the database takes, it takes together, and it is loaded again.
            # So no chunk but the last waits for the disk.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit = off")
        row = _mine(run)
        if row is None:
            return 1
        results = Loader(row, rows, by=_by(run)).write() if rows else []
        add_many(ImportRow, results)
        row.position += len(rows)
        row.attempts = 0
        if not rows or row.position >= (row.rows_total or 0):
            row.state, row.finished_at = State.DONE, clock.now()
        row.save(update_fields=["position", "state", "finished_at", "attempts"])
        crash_here("import.chunk")
    crash_here("import.chunk_done")
    run.position, run.state = row.position, row.state
    return max(len(rows), 1)


def _mine(run: Import) -> Import | None:
    """The import, locked, when it still stands where this chunk begins."""
    row = Import.objects.select_for_update().get(pk=run.pk)
    return row if row.state == run.state and row.position == run.position else None


def _by(run: Import) -> str:
    return run.created_by.get_username() if run.created_by else ""


def run_to_end(run: Import) -> Import:
    """All chunks of one phase in this process: for commands and tests."""
    while True:
        run.refresh_from_db()
        if run.state not in AT_WORK:
            return run
        now = clock.now()
        free = Import.objects.filter(
            Q(lease_until=None) | Q(lease_until__lt=now) | Q(holder=run.holder if _is_gone(run.holder) else "-"), pk=run.pk
        )
        if free.update(lease_until=now + LEASE, holder=_me()):
            run.refresh_from_db()
            work_on(run)


__all__ = ["NotNow", "check", "pause", "resume", "run_to_end", "start", "step", "stop"]
