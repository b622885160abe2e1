"""Make a backup: every table in ranges of keys and every stored file in parts; what the place holds already is not sent again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage, default_storage
from django.db import IntegrityError, transaction
from django.db.migrations.recorder import MigrationRecorder

from scrm.core import clock
from scrm.core.backup.places import Place, place, shown
from scrm.core.backup.sealing import BackupError, Seal, seal
from scrm.core.backup.snapshot import snapshot
from scrm.core.backup.tables import fields_of, lines, ranges, tables
from scrm.core.crashpoints import crash_here
from scrm.core.models import BackupRun
from scrm.core.storage import PARTIAL

FORMAT = 1
SEGMENTS, MANIFESTS = "segments/", "manifests/"
FILE_PART = 8 * 2**20
SAMPLE = 20
# A run that has not said anything for so long has died.
SILENT = timedelta(minutes=15)
TOUCH_EVERY = timedelta(seconds=5)

Progress = Callable[[str], None]
# A segment in a manifest: [digest of what it holds, sha256 of its bytes, bytes].
Segment = list[Any]


def segment_name(digest: str) -> str:
    return f"{SEGMENTS}{digest[:2]}/{digest}"


@dataclass
class Run:
    """One backup on its way."""

    row: BackupRun
    to: Place
    seal: Seal
    say: Progress
    # What the last good backup holds: digest -> segment. What lies at the place, of whichever run.
    known: dict[str, Segment] = field(default_factory=dict)
    lying: set[str] = field(default_factory=set)
    used: dict[str, Segment] = field(default_factory=dict)
    files: dict[str, list[Any]] = field(default_factory=dict)
    touched: datetime | None = None

    def keep(self, plain: bytes) -> Segment:
        """See that the place holds this; the segment for the manifest."""
        digest = self.seal.digest(plain)
        found = self.used.get(digest)
        if found is None:
            found = self._standing(digest, plain) or self._send(digest, plain)
            self.used[digest] = found
            self.row.segments += 1
            self.row.bytes += found[2]
        self.touch()
        return found

    def _standing(self, digest: str, plain: bytes) -> Segment | None:
        if segment_name(digest) not in self.lying:
            return None
        if digest in self.known:
            return self.known[digest]
        # Left by a run that died: used if it is whole.
        body = self.to.get(segment_name(digest))
        try:
            whole = body is not None and self.seal.open(body) == plain
        except BackupError:
            whole = False
        if not whole or body is None:
            return None
        self.row.verified += 1
        return [digest, sha256(body), len(body)]

    def _send(self, digest: str, plain: bytes) -> Segment:
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
        return [digest, sha256(body), len(body)]

    def touch(self) -> None:
        now = clock.now()
        if self.touched is None or now - self.touched > TOUCH_EVERY:
            self.touched = self.row.touched_at = now
            self.row.save()
            self.say(f"{self.row.rows:,} rows, {self.row.segments:,} segments, {self.row.segments_sent:,} sent")


def sha256(body: bytes) -> str:
    import hashlib

    return hashlib.sha256(body).hexdigest()


def backup(*, url: str = "", say: Progress = lambda words: None) -> BackupRun:
    """Make one; the finished run. Raises `BackupError`, with the reason also in the run's row."""
    url = url or settings.BACKUP_URL
    if not url:
        raise BackupError("BACKUP_URL is not set: say where backups shall lie.")
    sealer = seal()
    row = _begin(url)
    to: Place | None = None
    try:
        to = place(url)
        _carry_out(Run(row, to, sealer, say))
    except BaseException as error:
        words = str(error) if isinstance(error, BackupError) else f"{type(error).__name__}: {error}"
        row.state, row.error, row.done_at = BackupRun.State.FAILED, words[:500], clock.now()
        row.save()
        if isinstance(error, OSError):
            raise BackupError(words) from error
        raise
    finally:
        if to is not None:
            to.close()
    return row


def _begin(url: str) -> BackupRun:
    now = clock.now()
    silent = BackupRun.objects.filter(state="running", touched_at__lt=now - SILENT)
    silent.update(state="failed", done_at=now, error="The run died; the next one goes on with what it has sent.")
    try:
        with transaction.atomic():
            return BackupRun.objects.create(place=shown(url)[:300], started_at=now, touched_at=now)
    except IntegrityError as error:
        raise BackupError(f"another backup is under way; if it died, a new one begins {SILENT.seconds // 60} minutes later") from error


def _carry_out(run: Run) -> None:
    last = newest_manifest(run.to, run.seal)
    if last is not None:
        run.known = {segment[0]: segment for segment in segments_of(last)}
        run.files = dict(last["files"])
    run.lying = set(run.to.names(SEGMENTS))
    at = clock.now()
    manifest: dict[str, Any] = {"format": FORMAT, "at": at.isoformat(), "tables": {}}
    with snapshot() as connection:
        manifest |= {"vendor": connection.vendor, "migrations": applied_migrations(connection)}
        for model in tables():
            manifest["tables"][model._meta.label_lower] = _table(run, model, connection)
    manifest["files"] = _files(run, default_storage)
    crash_here("backup.manifest")
    name = f"{MANIFESTS}{at:%Y%m%dT%H%M%S}-{run.row.pk}"
    body = run.seal.close_json(manifest)
    run.to.put(name, body)
    if run.to.get(name) != body:
        run.to.remove(name)
        raise BackupError("the manifest reads back differently; the place is not reliable")
    _look_again(run)
    run.row.manifest, run.row.state, run.row.done_at = name, BackupRun.State.DONE, clock.now()
    run.row.save()
    _clear_up(run)


def applied_migrations(connection: Any) -> list[list[str]]:
    return sorted([app, name] for app, name in MigrationRecorder(connection).applied_migrations())


def _table(run: Run, model: Any, connection: Any) -> dict[str, Any]:
    told: list[list[Any]] = []
    for part in ranges(model, connection):
        plain, count = lines(model, part, connection)
        if not count:
            continue
        told.append([part.first, part.last, count, run.keep(plain)])
        run.row.rows += count
    return {"fields": [each.attname for each in fields_of(model)], "rows": sum(each[2] for each in told), "ranges": told}


def _files(run: Run, storage: Storage) -> dict[str, list[Any]]:
    """{name: [size, time of change, segments]}; a file as large and as old as last time is not read again."""
    told: dict[str, list[Any]] = {}
    for name in stored_files(storage, ""):
        stamp = [storage.size(name), storage.get_modified_time(name).isoformat()]
        before = run.files.get(name)
        if before and before[:2] == stamp and all(segment_name(part[0]) in run.lying for part in before[2]):
            parts = before[2]
            for part in parts:
                if run.used.setdefault(part[0], part) is part:
                    run.row.segments += 1
                    run.row.bytes += part[2]
        else:
            with storage.open(name) as file:
                parts = [run.keep(part) for part in iter(lambda file=file: file.read(FILE_PART), b"")]  # type: ignore[misc]
        told[name] = [*stamp, parts]
        run.row.files += 1
    return told


def stored_files(storage: Storage, folder: str) -> Iterator[str]:
    try:
        folders, files = storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (f"{folder}/{name}".lstrip("/") for name in sorted(files) if PARTIAL not in name)
    for each in sorted(folders):
        yield from stored_files(storage, f"{folder}/{each}".lstrip("/"))


def _look_again(run: Run) -> None:
    """Read back a random sample of what earlier runs have sent."""
    old = [segment for digest, segment in run.used.items() if digest in run.known]
    for segment in random.sample(old, min(SAMPLE, len(old))):
        check(run.to, segment)
        run.row.verified += 1


def check(to: Place, segment: Segment) -> bytes:
    """The bytes of a segment, found as they were written."""
    body = to.get(segment_name(segment[0]))
    if body is None:
        raise BackupError(f"segment {segment[0][:12]} is missing at the place")
    if sha256(body) != segment[1]:
        raise BackupError(f"segment {segment[0][:12]} is not what was written; the place is damaged")
    return body


def segments_of(manifest: dict[str, Any]) -> Iterator[Segment]:
    for table in manifest["tables"].values():
        yield from (each[3] for each in table["ranges"])
    for _size, _time, parts in manifest["files"].values():
        yield from parts


def manifests(to: Place) -> list[str]:
    """Oldest first."""
    return sorted(to.names(MANIFESTS))


def read_manifest(to: Place, sealer: Seal, name: str) -> dict[str, Any]:
    body = to.get(name)
    if body is None:
        raise BackupError(f"there is no backup {name}")
    try:
        manifest: dict[str, Any] = sealer.open_json(body)
    except BackupError as error:
        raise BackupError(f"the backup {name} {error}") from error
    if manifest.get("format") != FORMAT:
        raise BackupError(f"the backup {name} has format {manifest.get('format')}, this version reads {FORMAT}")
    return manifest


def newest_manifest(to: Place, sealer: Seal) -> dict[str, Any] | None:
    for name in reversed(manifests(to)):
        try:
            return read_manifest(to, sealer, name)
        except BackupError:
            continue  # with another key, or damaged: all is sent anew
    return None


def _clear_up(run: Run) -> None:
    """Remove manifests that are too old, then the segments that no manifest names. A manifest that cannot be read stops it."""
    oldest = f"{MANIFESTS}{clock.now() - timedelta(days=settings.BACKUP_KEEP_DAYS):%Y%m%dT%H%M%S}"
    names = manifests(run.to)
    for name in names[:-1]:
        if name < oldest:
            run.to.remove(name)
    wanted: set[str] = set()
    for name in manifests(run.to):
        try:
            wanted |= {segment_name(segment[0]) for segment in segments_of(read_manifest(run.to, run.seal, name))}
        except BackupError as error:
            run.say(f"nothing is cleared up: {error}")
            return
    for name in set(run.to.names(SEGMENTS)) - wanted:
        run.to.remove(name)
