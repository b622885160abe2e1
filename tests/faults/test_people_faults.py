"""kill -9 while people are imported, taken out again, or erased: the work goes on where it stood, and every effect is there once."""

from __future__ import annotations

import os

import pytest
from django.core.management import call_command

from scrm.contacts.importing import running, undoing
from scrm.contacts.models import Contact, Erasure, Identity, Import, ImportRow
from tests.contacts.import_files import people, table, upload
from tests.faults.mortal import KILLED, in_a_fork
from tests.people import agent, conversation, customer

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 30


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "chunk_size", lambda: 8)


def ready() -> Import:
    run = upload(table(people(PEOPLE)))
    assert running.check(run)
    running.run_to_end(run)
    assert running.start(run, by="mei")
    return run


def go_on(run: Import) -> Import:
    run.refresh_from_db()
    return running.run_to_end(run)


class Imports:
    @pytest.mark.parametrize("point", ["import.chunk", "import.chunk_done"])
    def test_killed_between_rows_load_each_once(self, point: str) -> None:
        run = ready()
        assert in_a_fork(lambda: go_on(run), crash_at=point) == KILLED
        assert go_on(run).state == Import.State.DONE
        assert Contact.objects.count() == PEOPLE
        assert Identity.objects.filter(kind="phone").count() == PEOPLE
        assert ImportRow.objects.filter(run=run, outcome="created").count() == PEOPLE

    def test_killed_while_they_are_taken_back_leave_nothing_behind(self) -> None:
        run = go_on(ready())
        assert undoing.start(run, by=agent("mei"))
        assert in_a_fork(lambda: go_on(run), crash_at="import.undo") == KILLED
        assert go_on(run).state == Import.State.UNDONE
        assert not Contact.objects.exists() and not Identity.objects.exists()


class Erasures:
    @pytest.mark.parametrize("point", ["erasure.ledger", "erasure.conversations", "erasure.person", "erasure.end"])
    def test_killed_at_any_step_are_finished_by_the_next_call(self, point: str) -> None:
        gone, stays = customer("林怡君", "886912345678"), customer("陳大文", "85291234567")
        conversation(gone)
        conversation(stays)

        def erase() -> None:
            call_command("erase_contact", str(gone.contact_id), "--reason", "asked for it", stdout=open(os.devnull, "w"))  # noqa: SIM115

        died = in_a_fork(erase, crash_at=point)
        assert died == KILLED, f"{point} was not passed"
        assert in_a_fork(erase) == 0
        assert not Contact.objects.filter(pk=gone.contact_id).exists()
        assert not Identity.objects.filter(value="886912345678").exists()
        assert set(Erasure.objects.values_list("state", flat=True)) == {Erasure.State.DONE}
        assert Contact.objects.filter(pk=stays.contact_id).exists()
