"""Rows that are sent while the next ones are prepared are part of the transaction, or of none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, OperationalError, connection, transaction

from scrm.contacts.models import Contact
from scrm.core.beside import EVERY, along, beside, current
from scrm.core.loading import LEAST_FOR_COPY, add_many, fresh

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
# More than the system keeps between two processes, so that it cannot be sent in one go.
LONG = "陳" * 2000


def people(count: int = LEAST_FOR_COPY, **more: Any) -> list[Contact]:
    return [fresh(Contact, name=f"陳{n}", last_activity_at=NOW, created_at=NOW, updated_at=NOW, **more) for n in range(count)]


class RowsOnTheirWay:
    def test_are_in_when_the_block_ends(self) -> None:
        with transaction.atomic():
            with beside(DEFAULT_DB_ALIAS):
                first, second = people(notes=LONG), people(400, notes=LONG)
                add_many(Contact, first)
                add_many(Contact, second)
                assert list(along(range(EVERY * 3 + 1))) == list(range(EVERY * 3 + 1))
                assert all(row.pk for row in (*first, *second))
            assert Contact.objects.filter(notes=LONG).count() == LEAST_FOR_COPY + 400

    def test_are_in_before_anything_else_is_asked(self) -> None:
        with transaction.atomic(), beside(DEFAULT_DB_ALIAS):
            add_many(Contact, people(300, notes=LONG))
            assert Contact.objects.count() == 300
            add_many(Contact, people(notes=LONG))
            # Of a kind that only the driver knows how to write.
            add_many(Contact, people(address=Decimal(7)))
        assert Contact.objects.filter(address="7").count() == LEAST_FOR_COPY
        assert Contact.objects.count() == 300 + 2 * LEAST_FOR_COPY

    def test_go_with_the_transaction_when_one_is_refused(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), beside(DEFAULT_DB_ALIAS):
            add_many(Contact, people())
            add_many(Contact, people(external_id="C1", notes=LONG))
            add_many(Contact, people(notes=LONG))
        assert Contact.objects.count() == 0
        add_many(Contact, people())
        assert Contact.objects.count() == LEAST_FOR_COPY

    def test_tell_why_rather_than_that_the_transaction_is_broken(self) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), beside(DEFAULT_DB_ALIAS):
            add_many(Contact, people(external_id="C1"))
            Contact.objects.count()
        assert Contact.objects.count() == 0

    def test_go_with_the_transaction_when_what_comes_next_fails(self) -> None:
        with pytest.raises(ValueError, match="prepared"), transaction.atomic(), beside(DEFAULT_DB_ALIAS):
            add_many(Contact, people(500, notes=LONG))
            add_many(Contact, people(500, notes=LONG))
            raise ValueError("what comes next cannot be prepared")
        assert Contact.objects.count() == 0
        add_many(Contact, people())
        assert Contact.objects.count() == LEAST_FOR_COPY

    def test_are_nothing_new_outside_the_block(self) -> None:
        with transaction.atomic():
            with beside(DEFAULT_DB_ALIAS):
                pass
            assert current(connection) is None
            add_many(Contact, people())
            assert Contact.objects.count() == LEAST_FOR_COPY
        with pytest.raises(DatabaseError), transaction.atomic():
            add_many(Contact, people(external_id="C1"))


@pytest.fixture
def another() -> Iterator[Any]:
    """Somebody else at the same database."""
    asked = {
        name: value for name, value in connection.get_connection_params().items() if name in ("host", "port", "user", "password", "dbname")
    }
    with psycopg.connect(**asked) as other:
        yield other


@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere nothing is on its way")
class RowsThatDoNotArrive:
    def test_are_broken_off_where_they_wait_for_somebody_else(self, another: Any) -> None:
        first = Contact.objects.create(name="陳", last_activity_at=NOW, created_at=NOW, updated_at=NOW)
        another.execute("SET idle_in_transaction_session_timeout = '8s'")
        another.execute("UPDATE contacts_contact SET external_id = 'C1' WHERE id = %s", [first.pk])
        began = time.monotonic()
        with pytest.raises(ValueError, match="prepared"), transaction.atomic(), beside(DEFAULT_DB_ALIAS):
            add_many(Contact, [*people(), *people(1, external_id="C1")])
            raise ValueError("what comes next cannot be prepared")
        assert time.monotonic() - began < 6
        another.rollback()
        assert Contact.objects.count() == 1

    def test_because_the_connection_ended_are_told_of_as_the_framework_does(self, another: Any) -> None:
        another.autocommit = True
        with pytest.raises(OperationalError), transaction.atomic(), beside(DEFAULT_DB_ALIAS):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (mine,) = cursor.fetchone()
            add_many(Contact, people(400, notes=LONG))
            another.execute("SELECT pg_terminate_backend(%s)", [mine])
        connection.close()
        assert Contact.objects.count() == 0
