"""Bring a backup back into an empty database, all or nothing: a restore that dies leaves the database empty and is called again."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import IntegrityError, connection, connections, transaction

from scrm.core.backup import acts, manifests
from scrm.core.backup.acts import Say, say_nothing
from scrm.core.backup.beside import bring_together
from scrm.core.backup.keys import refuse_other_keys
from scrm.core.backup.manifests import Manifest, Segment
from scrm.core.backup.places import Place, place
from scrm.core.backup.running import applied_migrations
from scrm.core.backup.sealing import BackupError, Seal, seal
from scrm.core.backup.sequences import go_on_after
from scrm.core.backup.tables import MADE_BY_MIGRATE, Range, by_dependence, fields_of, insert, leads_to, parse, pieces, tables
from scrm.core.crashpoints import crash_here

IN_MEMORY = 8 * 2**20


def restore(*, url: str = "", name: str = "", hold: bool = True, say: Say = say_nothing) -> dict[str, Any]:
    """{manifest, at, rows, files}. Raises `BackupError` before anything is changed, or rolls everything back.

    `hold` False, for rehearsals: nothing that would go out is held back.
    """
    url = url or settings.BACKUP_URL
    if not url:
        raise BackupError("BACKUP_URL is not set: say where the backups lie.")
    sealer, to = seal(), place(url)
    try:
        name, manifest = _chosen(to, sealer, name)
        refuse_other_keys(manifest["keys"])
        _make_tables(say)
        _fits(manifest)
        refuse_a_database_with_data()
        rows, files = sum(table["rows"] for table in manifest["tables"].values()), sum(each[2] for each in manifest["files"])
        say(f"{name}: {rows:,} rows, {files:,} files")
        if came := bring_together(to, sealer):
            say(f"{came:,} lines of the erasure ledger were only at the place of the backups")
        _files(to, sealer, manifest, say)
        with _said_in_words(), _without_foreign_keys(), transaction.atomic():
            _rows(to, sealer, manifest, say)
            crash_here("restore.rows")
            _compare(sealer, manifest, say)
            acts.carry_out("rebuild", say)
            if hold:
                acts.carry_out("hold", say)
            crash_here("restore.end")
        acts.carry_out("repeat", say)
    finally:
        to.close()
    return {"manifest": name, "at": manifest["at"], "rows": rows, "files": files}


def _chosen(to: Place, sealer: Seal, name: str) -> tuple[str, Manifest]:
    names = manifests.names(to)
    if not names:
        raise BackupError("there is no backup at the place")
    name = name or names[-1]
    if name not in names:
        raise BackupError(f"there is no backup {name}; manage.py backup --list names them")
    return name, manifests.read(to, sealer, name)


def _make_tables(say: Say) -> None:
    if "django_migrations" not in connection.introspection.table_names():
        say("making the tables")
        call_command("migrate", verbosity=0, interactive=False)


def _fits(manifest: Manifest) -> None:
    ours = {tuple(each) for each in applied_migrations(connection)}
    theirs = {tuple(each) for each in manifest["migrations"]}
    missing, more = sorted(theirs - ours), sorted(ours - theirs)
    if missing:
        raise BackupError(f"the backup was made by a version that has {'.'.join(missing[0])}: install that version, and restore with it")
    if more:
        first = ".".join(more[0])
        raise BackupError(
            f"this database has {first}, the backup is older: restore into a new one with the version that made it, then migrate"
        )


def refuse_a_database_with_data() -> None:
    for model in tables():
        if model._meta.label_lower not in MADE_BY_MIGRATE and model._base_manager.exists():
            raise BackupError(f"the database holds data ({model._meta.label_lower}): restore into a new, empty one")


@contextlib.contextmanager
def _without_foreign_keys() -> Iterator[None]:
    """SQLite: checked at the end. PostgreSQL: they are deferred, and settled table by table."""
    if connection.vendor == "sqlite":
        with connection.constraint_checks_disabled():
            yield
    else:
        yield


@contextlib.contextmanager
def _said_in_words() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise BackupError(f"the rows of the backup contradict each other, nothing was restored: {error}") from error


def _rows(to: Place, sealer: Seal, manifest: Manifest, say: Say) -> None:
    models = {model._meta.label_lower: model for model in tables()}
    if unknown := sorted(set(manifest["tables"]) - set(models)):
        raise BackupError(f"this version has no table for {unknown[0]}")
    with connection.cursor() as cursor:
        for label in MADE_BY_MIGRATE:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(models[label]._meta.db_table)}")  # noqa: S608 - names of models
    done: set[Any] = set()
    waiting: set[Any] = set()
    for model in by_dependence(models.values()):
        table = manifest["tables"].get(model._meta.label_lower)
        if table is not None:
            _fill(to, sealer, model, table, settle=not waiting and leads_to(model) <= done)
            if table["rows"]:
                say(f"{model._meta.label_lower}: {table['rows']:,} rows")
        done.add(model)
        waiting = {each for each in {*waiting, model} if not leads_to(each) <= done}
        if not waiting:
            _settle_foreign_keys()
    if connection.vendor == "sqlite":
        connection.check_constraints()
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), tables()):
            cursor.execute(sql)
    go_on_after(tables(), manifest["sequences"], connection)


def _fill(to: Place, sealer: Seal, model: Any, table: dict[str, Any], *, settle: bool) -> None:
    fields = {each.attname: each for each in fields_of(model)}
    if list(fields) != table["fields"]:
        raise BackupError(f"the columns of {model._meta.label_lower} differ from the backup's")
    # Not the proxy, which looks the connection up for every value.
    into = connections["default"]
    for *_, segments in table["ranges"]:
        for segment in segments:
            insert(model, parse(manifests.fetch(to, sealer, segment), list(fields.values()), into), into)
            if settle:
                _settle_foreign_keys()


def _settle_foreign_keys() -> None:
    """PostgreSQL keeps a note in memory for every foreign key that waits for the commit; check those whose rows are there."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _compare(sealer: Seal, manifest: Manifest, say: Say) -> None:
    """Every range, read from the database as a backup would read it, has the digests of the backup."""
    models = {model._meta.label_lower: model for model in tables()}
    for label, table in manifest["tables"].items():
        for first, last, _rows, segments in table["ranges"]:
            found = (plain for plain, _ in pieces(models[label], Range(first, last), connections["default"]))
            pairs = zip_longest(segments, found)
            if not all(segment and plain and sealer.is_digest(segment[0], plain) for segment, plain in pairs):
                raise BackupError(f"{label} from {first} on is not as it was backed up; nothing was restored")
    say("every range compared")


def _files(to: Place, sealer: Seal, manifest: Manifest, say: Say) -> None:
    """Before the rows that name them."""
    count = 0
    for *_, segment in manifest["files"]:
        for name, size, _time, parts in manifests.file_list(to, sealer, segment):
            _file(to, sealer, name, size, parts)
            count += 1
        say(f"{count:,} files")


def _file(to: Place, sealer: Seal, name: str, size: int, parts: list[Segment]) -> None:
    if default_storage.exists(name):
        if default_storage.size(name) == size and _is_same(sealer, name, parts):
            return
        default_storage.delete(name)
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as whole:
        for part in parts:
            whole.write(manifests.fetch(to, sealer, part))
        whole.seek(0)
        stored = default_storage.save(name, File(whole))  # type: ignore[arg-type]
    if stored != name:
        default_storage.delete(stored)
        raise BackupError(f"the storage of the files renamed {name} to {stored}; it must keep names")


def _is_same(sealer: Seal, name: str, parts: list[Segment]) -> bool:
    """What an earlier try has restored is left."""
    from scrm.core.backup.files import PART_BYTES

    with default_storage.open(name) as file:
        return all(sealer.is_digest(part[0], file.read(PART_BYTES)) for part in parts)
