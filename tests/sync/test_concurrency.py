"""Several workers at once, with real threads on the real database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import close_old_connections, connection

from scrm.sync import engine
from scrm.sync.models import Push
from scrm.sync.services import Wanted, want_many
from tests.sync.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, work: Callable[[], None]) -> None:
    """Run `work` in threads that start together; what one raises is raised here."""
    problems: list[BaseException] = []
    gate = threading.Barrier(count)

    def run() -> None:
        close_old_connections()
        try:
            gate.wait()
            work()
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


class TestManyWorkers:
    def test_each_record_is_written_once(self, shop: Shop) -> None:
        people = [shop.customer(f"客人{number}") for number in range(150)]
        shop.due("contact", [person.pk for person in people])

        def drain() -> None:
            while engine.push_due():
                pass

        at_once(4, drain)
        drain()
        written = Counter(write.key for write in shop.far.writes())
        assert set(written) == {str(person.pk) for person in people}
        assert set(written.values()) == {1}
        assert set(Push.objects.values_list("state", flat=True)) == {"done"}

    def test_no_change_is_lost_when_all_note_the_same_records(self, shop: Shop) -> None:
        wanted = [Wanted(shop.crm.pk, "contact", str(number)) for number in range(40)]

        def note() -> None:
            for turn in range(5):
                want_many(wanted if turn % 2 else reversed(wanted))

        at_once(4, note)
        assert set(Push.objects.values_list("wanted", flat=True)) == {20}
