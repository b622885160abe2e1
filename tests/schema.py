"""Test databases: migrated once a run, copied for each worker of pytest-xdist, and emptied without a flush.

The migrations of the product take some ten seconds of a processor, nearly all of them for Django's picture of the models in between. The
worker that comes first migrates a database without a worker's name; each worker, the first one too, then takes a copy with its own name.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.test import TransactionTestCase

from scrm.sandbox.router import ALIAS as SANDBOX
from scrm.sandbox.schema import bring_up_to_date
from tests import migrated


def share(worker: str) -> None:
    """Let `create_test_db` of every connection work as above. `worker` is empty when there is only one."""
    for alias in connections:
        _share(connections[alias], worker)


def _share(connection: Any, worker: str) -> None:
    creation, alias = connection.creation, connection.alias
    make, destroy = creation.create_test_db, creation.destroy_test_db

    def create_test_db(**options: Any) -> str:
        with _alone(alias) as done:
            if not done.exists():
                _make(connection, make, **options)
                done.touch()
            else:
                _point(connection, creation._get_test_db_name())
            if worker:
                connection.close()
                creation.clone_test_db(worker, verbosity=0, autoclobber=True)
                _point(connection, creation.get_test_db_clone_settings(worker)["NAME"])
        return connection.settings_dict["NAME"]

    def destroy_test_db(old_database_name: str, *options: Any, **more: Any) -> None:
        destroy(old_database_name, *options, **more)
        with _alone(alias) as done:
            if worker and done.exists():
                _point(connection, creation._get_test_db_name())
                destroy(old_database_name, *options, **more)
            done.unlink(missing_ok=True)

    creation.create_test_db, creation.destroy_test_db = create_test_db, destroy_test_db


def _make(connection: Any, make: Any, **options: Any) -> None:
    """As Django makes it, on SQLite as a copy; of the sandbox's database only the sandbox's own tables: nothing else lives there."""
    name = connection.creation._get_test_db_name()
    if connection.vendor == "sqlite":
        migrated.copy("sandbox.sqlite3" if connection.alias == SANDBOX else "db.sqlite3", Path(name))
        _point(connection, name)
    elif connection.alias == SANDBOX:
        connection.creation._create_test_db(verbosity=0, autoclobber=True)
        _point(connection, name)
        bring_up_to_date()
    else:
        make(**options)
        migrated.remember(name)


def _point(connection: Any, name: str) -> None:
    connection.close()
    settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = name


@contextlib.contextmanager
def _alone(alias: str) -> Iterator[Path]:
    """One worker at a time; gives the file that stands there while the migrated database does."""
    folder = Path(settings.VAR_DIR)
    with (folder / f"migrated-{alias}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"migrated-{alias}"


# --- after a test that really commits -------------------------------------------------------------------------------------------------

# Made by `migrate` out of the models, the same for every test.
KEPT = frozenset({"django_content_type", "auth_permission"})
_tables: dict[str, list[str]] = {}


def empty(alias: str) -> None:
    """In place of Django's flush, which truncates every table and then makes every permission anew: a second a test on PostgreSQL.

    Foreign keys are deferred on both databases, so the order does not matter. Identity columns count on, as with flush.
    """
    connection = connections[alias]
    if alias not in _tables:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        _tables[alias] = sorted(set(names) - KEPT)
    quote = connection.ops.quote_name
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in _tables[alias])
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(asked)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quote(name)}")


def empty_quickly() -> None:
    """Let every test with `transaction=True` end with `empty`."""

    def teardown(case: TransactionTestCase) -> None:
        for alias in case._databases_names(include_mirrors=False):
            empty(alias)

    TransactionTestCase._fixture_teardown = teardown
