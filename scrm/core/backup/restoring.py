"""Bring a backup back into an empty database, all or nothing: a restore that dies leaves the database empty and is called again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.color import no_style
from django.db import connection, transaction

from scrm.core.backup.places import Place, place
from scrm.core.backup.running import (
    Progress,
    applied_migrations,
    check,
    manifests,
    read_manifest,
    segments_of,
)
from scrm.core.backup.sealing import BackupError, Seal, seal
from scrm.core.backup.tables import MADE_BY_MIGRATE, Range, fields_of, insert, lines, parse, tables
from scrm.core.crashpoints import crash_here

# What must be done once the rows are there: rebuild what is not in the backup, repeat erasures.
_rebuilding: list[tuple[str, Callable[[Progress], None]]] = []
_repeating: list[tuple[str, Callable[[Progress], None]]] = []


def rebuilt_by(words: str, act: Callable[[Progress], None]) -> None:
    """In the transaction of the rows: side tables that no backup holds."""
    _rebuilding.append((words, act))


def repeated_by(words: str, act: Callable[[Progress], None]) -> None:
    """After it; must be safe to repeat, and the start of the product must be refused until it has been done."""
    _repeating.append((words, act))


def restore(*, url: str = "", name: str = "", say: Progress = lambda words: None) -> dict[str, Any]:
    """{manifest, at, rows, files}. Raises `BackupError` before anything is changed, or rolls everything back."""
    url = url or settings.BACKUP_URL
    if not url:
        raise BackupError("BACKUP_URL is not set: say where the backups lie.")
    sealer, to = seal(), place(url)
    try:
        names = manifests(to)
        if not names:
            raise BackupError("there is no backup at the place")
        name = name or names[-1]
        manifest = read_manifest(to, sealer, name)
        _fits(manifest)
        refuse_a_database_with_data()
        say(f"{name}: {sum(table['rows'] for table in manifest['tables'].values()):,} rows, {len(manifest['files']):,} files")
        _files(to, sealer, manifest, say)
        with _without_foreign_keys(), transaction.atomic():
            rows = _rows(to, sealer, manifest, say)
            _reset_sequences()
            crash_here("restore.rows")
            _compare(sealer, manifest, say)
            for words, act in _rebuilding:
                say(words)
                act(say)
            crash_here("restore.end")
        for words, act in _repeating:
            say(words)
            act(say)
    finally:
        to.close()
    return {
        "manifest": name,
        "at": manifest["at"],
        "rows": rows,
        "files": len(manifest["files"]),
        "segments": len(list(segments_of(manifest))),
    }


def _fits(manifest: dict[str, Any]) -> None:
    ours = {tuple(each) for each in applied_migrations(connection)}
    theirs = {tuple(each) for each in manifest["migrations"]}
    missing, more = sorted(theirs - ours), sorted(ours - theirs)
    if missing:
        raise BackupError(
            f"the backup was made by a version that has {'.'.join(missing[0])}: install that version, migrate, and restore with it"
        )
    if more:
        raise BackupError(
            f"this database has {'.'.join(more[0])}, the backup is older: restore with the version that made it, then migrate"
        )


def refuse_a_database_with_data() -> None:
    for model in tables():
        if model._meta.label_lower not in MADE_BY_MIGRATE | _made_by_migrations() and model._base_manager.exists():
            raise BackupError(f"the database holds data ({model._meta.label_lower}): restore into a new one, on which only migrate has run")


def _made_by_migrations() -> frozenset[str]:
    return frozenset()


def _without_foreign_keys() -> Any:
    """SQLite: checked at the end. PostgreSQL: they are deferred to the commit anyway."""
    return connection.constraint_checks_disabled() if connection.vendor == "sqlite" else transaction.atomic()


def _rows(to: Place, sealer: Seal, manifest: dict[str, Any], say: Progress) -> int:
    models = {model._meta.label_lower: model for model in tables()}
    total = 0
    with connection.cursor() as cursor:
        for label in MADE_BY_MIGRATE:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(models[label]._meta.db_table)}")  # noqa: S608 - names of models
    for label, table in manifest["tables"].items():
        fields = {each.attname: each for each in fields_of(models[label])}
        if list(fields) != table["fields"]:
            raise BackupError(f"the columns of {label} differ from the backup's")
        for _first, _last, count, segment in table["ranges"]:
            insert(models[label], parse(sealer.open(check(to, segment)), list(fields.values()), connection), connection)
            total += count
        if table["rows"]:
            say(f"{label}: {table['rows']:,} rows")
    if connection.vendor == "sqlite":
        connection.check_constraints()
    return total


def _reset_sequences() -> None:
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(sql)


def _compare(sealer: Seal, manifest: dict[str, Any], say: Progress) -> None:
    """Every range, read from the database as a backup would read it, has the digest of the backup."""
    models = {model._meta.label_lower: model for model in tables()}
    for label, table in manifest["tables"].items():
        for first, last, _count, segment in table["ranges"]:
            plain, _ = lines(models[label], Range(first, last), connection)
            if sealer.digest(plain) != segment[0]:
                raise BackupError(f"{label} from {first} on is not as it was backed up; nothing was restored")
    say("every range compared")


def _files(to: Place, sealer: Seal, manifest: dict[str, Any], say: Progress) -> None:
    """Before the rows that name them. What is there in full size is left."""
    for count, (name, (size, _time, parts)) in enumerate(manifest["files"].items(), start=1):
        if default_storage.exists(name):
            if default_storage.size(name) == size:
                continue
            default_storage.delete(name)
        default_storage.save(name, ContentFile(b"".join(sealer.open(check(to, part)) for part in parts)))
        if count % 1000 == 0:
            say(f"{count:,} files")
