"""Make a backup: every table in ranges of keys and every stored file in parts; what the place holds already is not sent again."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage, default_storage
from django.db import IntegrityError, transaction
from django.db.migrations.recorder import MigrationRecorder

from scrm.core import clock
from scrm.core.backup import files, manifests
from scrm.core.backup.acts import Say, say_nothing
from scrm.core.backup.beside import bring_together
from scrm.core.backup.clearing import clear_up, look_again
from scrm.core.backup.keys import proofs
from scrm.core.backup.manifests import MANIFESTS, SEGMENTS, Manifest, Segment, segment_name, short
from scrm.core.backup.places import Place, place, shown
from scrm.core.backup.sealing import BackupError, Seal, seal
from scrm.core.backup.sequences import given_out
from scrm.core.backup.snapshot import snapshot
from scrm.core.backup.tables import count, fields_of, pieces, ranges, tables
from scrm.core.crashpoints import crash_here
from scrm.core.models import BackupRun

# A run that has not said anything for so long has died.
SILENT = timedelta(minutes=15)
TOUCH_SECONDS = 5.0
# How far the clock of the files may be behind the database's.
SKEW = timedelta(minutes=1)


@dataclass
class Run:
    """One backup on its way. Of segments, sets hold half of the digest."""

    row: BackupRun
    to: Place
    seal: Seal
    say: Say
    # What lies at the place, of whichever run; what the last good backup holds, with its bytes; what this one holds.
    lying: set[bytes] = field(default_factory=set)
    known: dict[bytes, int] = field(default_factory=dict)
    used: dict[bytes, int] = field(default_factory=dict)
    touched: float = 0.0

    def keep(self, plain: bytes) -> Segment:
        """See that the place holds this; the segment for the manifest."""
        digest = self.seal.digest(plain)
        size = self.used.get(short(digest))
        if size is None:
            size = self._standing(digest, plain) or self._send(digest, plain)
            self.count(digest, size)
        return [digest, size]

    def count(self, digest: str, size: int) -> None:
        """A segment of this backup."""
        if short(digest) not in self.used:
            self.used[short(digest)] = size
            self.row.segments += 1
            self.row.bytes += size
        self.touch()

    def _standing(self, digest: str, plain: bytes) -> int | None:
        """Bytes of the segment if the place has it; one left by a run that died is read first."""
        if short(digest) not in self.lying:
            return None
        if short(digest) in self.known:
            return self.known[short(digest)]
        body = self.to.get(segment_name(digest))
        try:
            whole = body is not None and self.seal.open(body) == plain
        except BackupError:
            whole = False
        if body is None or not whole:
            return None
        self.row.verified += 1
        return len(body)

    def _send(self, digest: str, plain: bytes) -> int:
        """Write, and read what was written."""
        body = self.seal.close(plain)
        name = segment_name(digest)
        self.to.put(name, body)
        crash_here("backup.segment")
        back = self.to.get(name)
        if back != body or self.seal.open(back) != plain:
            self.to.remove(name)
            raise BackupError(f"{name} was written and reads back differently; the place is not reliable")
        self.row.segments_sent += 1
        self.row.bytes_sent += len(body)
        self.row.verified += 1
        return len(body)

    def touch(self) -> None:
        """Say from time to time that this run lives. Raises when it was taken for dead and another has begun."""
        if time.monotonic() - self.touched < TOUCH_SECONDS:
            return
        self.touched = time.monotonic()
        self.hold()
        self.say(f"{self.row.rows:,} rows, {self.row.segments:,} segments, {self.row.segments_sent:,} sent")

    def hold(self) -> None:
        self.row.touched_at = clock.now()
        if not _write(self.row):
            raise BackupError("this run was silent for too long and was taken for dead")


def backup(*, url: str = "", anew: bool = False, say: Say = say_nothing) -> BackupRun:
    """Make one; the finished run. Raises `BackupError`, with the reason also in the run's row.

    `anew`: also at a place that has lost all earlier ones.
    """
    url = url or settings.BACKUP_URL
    if not url:
        raise BackupError("BACKUP_URL is not set: say where backups shall lie.")
    sealer = seal()
    row = _begin(url)
    to: Place | None = None
    try:
        to = place(url)
        if not anew:
            _refuse_a_place_that_forgot(to, row)
        _carry_out(Run(row, to, sealer, say))
    except BaseException as error:
        words = str(error) if isinstance(error, BackupError) else f"{type(error).__name__}: {error}"
        row.state, row.error, row.ended_at = BackupRun.State.FAILED, words[:500], clock.now()
        _write(row)
        if isinstance(error, OSError):
            raise BackupError(words) from error
        raise
    finally:
        if to is not None:
            to.close()
    return row


def _write(row: BackupRun) -> bool:
    """The row as it is, unless somebody has declared the run dead."""
    values = {each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields if not each.primary_key}
    return bool(BackupRun.objects.filter(pk=row.pk, state=BackupRun.State.RUNNING).update(**values))


def _begin(url: str) -> BackupRun:
    now = clock.now()
    for row in BackupRun.objects.filter(state=BackupRun.State.RUNNING):
        if row.touched_at < now - SILENT or _has_died(row.holder):
            row.state, row.ended_at, row.error = BackupRun.State.FAILED, now, "The run died; the next one goes on with what it has sent."
            _write(row)
    try:
        with transaction.atomic():
            holder = f"{socket.gethostname()}:{os.getpid()}"
            return BackupRun.objects.create(place=shown(url)[:300], started_at=now, touched_at=now, holder=holder)
    except IntegrityError as error:
        wait = SILENT.seconds // 60
        raise BackupError(f"another backup is under way; if it died on another host, a new one begins {wait} minutes later") from error


def _has_died(holder: str) -> bool:
    """Whether it was a process of this host that is no more. A new process may bear its number."""
    host, _, number = holder.rpartition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    if int(number) == os.getpid():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _refuse_a_place_that_forgot(to: Place, row: BackupRun) -> None:
    """The folder of a disk that is not mounted looks like an empty place, and would fill the disk below."""
    if BackupRun.objects.filter(place=row.place, state=BackupRun.State.DONE).exists() and not manifests.names(to):
        raise BackupError(
            "none of the earlier backups is at the place; is the disk mounted? To begin there from nothing: manage.py backup --anew"
        )


def _carry_out(run: Run) -> None:
    last = manifests.newest(run.to, run.seal)
    run.lying = {short(name.rpartition("/")[2]) for name in run.to.names(SEGMENTS)}
    if last is not None:
        _learn(run, last)
        run.row.damaged = look_again(run.to, run.seal, run.known, run.lying, tell=run.touch)
    at = clock.now()
    manifest: Manifest = {"format": manifests.FORMAT, "at": at.isoformat(), "key": run.seal.name, "keys": proofs(), "tables": {}}
    with snapshot() as connection:
        rows_until = clock.now() + SKEW
        manifest |= {"vendor": connection.vendor, "migrations": applied_migrations(connection)}
        for model in tables():
            manifest["tables"][model._meta.label_lower] = _table(run, model, connection)
        manifest["sequences"] = given_out(tables(), connection)
    manifest["files"] = _files(run, default_storage, last, rows_until)
    crash_here("backup.manifest")
    run.hold()
    name = f"{MANIFESTS}{at:%Y%m%dT%H%M%S}-{run.row.pk:06}"
    body = run.seal.close_json(manifest)
    run.to.put(name, body)
    if run.to.get(name) != body:
        run.to.remove(name)
        raise BackupError("the manifest reads back differently; the place is not reliable")
    crash_here("backup.written")
    bring_together(run.to, run.seal)
    run.row.manifest, run.row.state, run.row.ended_at = name, BackupRun.State.DONE, clock.now()
    run.row.verified_at = run.row.ended_at
    if not _write(run.row):
        raise BackupError("this run was silent for too long and was taken for dead")
    clear_up(run.to, run.seal, say=run.say)


def _learn(run: Run, last: Manifest) -> None:
    """What the last backup holds. A damaged list of files costs no more than reading those files again."""
    for segment in manifests.segments_of(last):
        run.known[short(segment[0])] = segment[1]
    for entry in last["files"]:
        try:
            for part in manifests.parts_of(run.to, run.seal, {"files": [entry]}):
                run.known[short(part[0])] = part[1]
        except BackupError as error:
            run.say(str(error))


def applied_migrations(connection: Any) -> list[list[str]]:
    return sorted([app, name] for app, name in MigrationRecorder(connection).applied_migrations())


def _table(run: Run, model: Any, connection: Any) -> dict[str, Any]:
    told: list[list[Any]] = []
    for part in ranges(model, connection):
        segments, rows = [], 0
        for plain, number in pieces(model, part, connection):
            segments.append(run.keep(plain))
            rows += number
        if rows:
            told.append([part.first, part.last, rows, segments])
            run.row.rows += rows
    total = sum(each[2] for each in told)
    if total != count(model, connection):
        raise BackupError(f"{model._meta.label_lower}: {total} rows were read and {count(model, connection)} are there")
    return {"fields": [each.attname for each in fields_of(model)], "rows": total, "ranges": told}


def _files(run: Run, storage: Storage, last: Manifest | None, until: Any) -> list[list[Any]]:
    """[[folder, number, files, bytes, segment]]"""
    before: dict[str, list[Segment]] = {}
    # With a new key everything is sent anew, so that the old one may be thrown away when the backups made with it have gone.
    for folder, *_, segment in last["files"] if last is not None and last["key"] == run.seal.name else ():
        before.setdefault(folder, []).append(segment)
    told: list[list[Any]] = []
    for folder, found in files.folders(storage):
        known = _known_entries(run, before.get(folder, []))
        for number, names in files.lists(found):
            entries = [each for name in names if (each := files.entry(storage, name, until, known.get(name), run.keep)) is not None]
            if not entries:
                continue
            for part in (part for *_, parts in entries for part in parts):
                run.count(*part)
            told.append([folder, number, len(entries), sum(each[1] for each in entries), run.keep(files.encoded(entries))])
            run.row.files += len(entries)
    return told


def _known_entries(run: Run, lists: list[Segment]) -> dict[str, files.Entry]:
    """Of one folder, those whose parts all lie at the place."""
    found: dict[str, files.Entry] = {}
    for segment in lists:
        try:
            entries = manifests.file_list(run.to, run.seal, segment)
        except BackupError:
            continue
        found |= {each[0]: each for each in entries if all(_is_there(run, part) for part in each[3])}
    return found


def _is_there(run: Run, part: Segment) -> bool:
    return short(part[0]) in run.known and short(part[0]) in run.lying
