"""The buttons for a person's rights over their data: each says first what it does, does it once, and is told to the audit."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from scrm.contacts import merging
from scrm.contacts.models import Contact, Erasure, LegalHold, PersonExport
from scrm.contacts.privacy import erasure, exports
from scrm.contacts.services import record_consent
from scrm.core.audit_models import AuditEntry
from tests import people
from tests.console.conftest import allow, seated

pytestmark = pytest.mark.django_db
RIGHTS = ("contacts.export_person", "contacts.erase_person", "contacts.hold_person")
REASON = "asked by letter on 3 May"


@pytest.fixture
def person(settings: Any, tmp_path: Path) -> Contact:
    settings.EXPORTS_DIR, settings.LEDGER_DIR = tmp_path / "exports", tmp_path / "ledger"
    one = people.conversation().identity
    merging.merge(one.contact, people.customer("Tai Man", "85261112222").contact, by=people.agent())
    return Contact.objects.get(pk=one.contact_id)


@pytest.fixture
def officer(db: None) -> Client:
    return seated(allow(people.agent("ken"), "contacts.view_contact", "contacts.change_contact", "contacts.view_erasure", *RIGHTS))


def at(person: Contact, what: str) -> str:
    return f"/admin/people/{person.pk}/{what}/"


def told(action: str) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(action=action).values_list("by", "subject"))


class Exporting:
    def test_is_asked_for_made_and_fetched_with_an_entry_for_each(self, officer: Client, person: Contact) -> None:
        officer.post(at(person, "export"), {"reason": REASON})
        assert "Waiting" in officer.get(at(person, "privacy")).content.decode()
        assert exports.make_next() == 1
        row = PersonExport.objects.get()
        html = officer.get(at(person, "privacy")).content.decode()
        assert "Ready" in html and f"/exports/{row.pk}/" in html
        answer = officer.get(at(person, f"exports/{row.pk}"))
        with zipfile.ZipFile(io.BytesIO(b"".join(answer))) as archive:  # type: ignore[arg-type]
            assert len(json.loads(archive.read("data/contacts.json"))) == 2
        assert answer["Content-Disposition"].startswith("attachment")
        assert told("contacts.exported") == told("contacts.export_fetched") == [("ken", f"contacts.contact:{person.pk}")]

    def test_of_another_person_or_one_not_ready_cannot_be_fetched(self, officer: Client, person: Contact) -> None:
        officer.post(at(person, "export"), {"reason": REASON})
        row = PersonExport.objects.get()
        assert officer.get(at(person, f"exports/{row.pk}")).status_code == 404
        exports.make_next()
        stranger = people.someone()
        assert officer.get(at(stranger, f"exports/{row.pk}")).status_code == 404
        assert told("contacts.export_fetched") == []

    def test_whose_file_is_gone_says_so(self, officer: Client, person: Contact) -> None:
        officer.post(at(person, "export"), {"reason": REASON})
        exports.make_next()
        exports.path_of(PersonExport.objects.get()).unlink()
        answer = officer.get(at(person, f"exports/{PersonExport.objects.get().pk}"), follow=True)
        assert "not on this host any more" in answer.content.decode()

    @pytest.mark.parametrize("reason", ["", "   ", "x"])
    def test_needs_a_reason(self, officer: Client, person: Contact, reason: str) -> None:
        answer = officer.post(at(person, "export"), {"reason": reason}, follow=True)
        assert "Say why" in answer.content.decode() and not PersonExport.objects.exists()


class Holding:
    def test_is_set_shown_and_lifted(self, officer: Client, person: Contact) -> None:
        officer.post(at(person, "hold"), {"reason": "case 12/2026"})
        assert "A legal hold stands" in officer.get(f"/admin/contacts/contact/{person.pk}/change/").content.decode()
        assert "case 12/2026" in officer.get(at(person, "privacy")).content.decode()
        officer.post(at(person, "hold/lift"))
        assert LegalHold.objects.get().lifted_by == "ken"
        assert told("contacts.hold_set") == told("contacts.hold_lifted") == [("ken", f"contacts.contact:{person.pk}")]

    def test_lifted_twice_tells_that_somebody_was_first(self, officer: Client, person: Contact) -> None:
        officer.post(at(person, "hold"), {"reason": "case 12/2026"})
        officer.post(at(person, "hold/lift"))
        assert "somebody else has lifted it" in officer.post(at(person, "hold/lift"), follow=True).content.decode()

    def test_makes_an_erasure_wait_and_its_end_begins_it(self, officer: Client, person: Contact) -> None:
        officer.post(at(person, "hold"), {"reason": "case 12/2026"})
        assert "A legal hold stands" in officer.get(at(person, "erase")).content.decode()
        officer.post(at(person, "erase"), {"reason": REASON, "typed": str(person.pk)})
        assert Erasure.objects.get().state == "held" and Contact.objects.filter(pk=person.pk).exists()
        assert "waits for the legal hold to end" in officer.get(at(person, "privacy")).content.decode()
        answer = officer.post(at(person, "hold/lift"), follow=True)
        assert "the erasure that waited for it has begun" in answer.content.decode()
        while erasure.go_on():
            pass
        assert not Contact.objects.filter(pk=person.pk).exists()


class Erasing:
    def test_says_first_what_goes_and_what_stays_and_why(self, officer: Client, person: Contact) -> None:
        record_consent(person.identities.order_by("pk")[0], purpose="all", allowed=False, source="message")
        html = officer.get(at(person, "erase")).content.decode()
        for words in ("records of this person: 2", "addresses: 2", "Conversations: 1".lower(), "+85261112222", "the books must add up"):
            assert words in html, words
        assert "That they declined messages" in html
        assert Contact.objects.filter(pk=person.pk).exists() and not Erasure.objects.exists()

    def test_begins_when_the_number_is_typed_and_a_reason_given(self, officer: Client, person: Contact) -> None:
        answer = officer.post(at(person, "erase"), {"reason": REASON, "typed": str(person.pk)}, follow=True)
        assert "The erasure has begun" in answer.content.decode()
        while erasure.go_on():
            pass
        assert not Contact.objects.filter(pk=person.pk).exists()
        assert told("contacts.erase_asked") == told("contacts.erased") == [("ken", f"contacts.contact:{person.pk}")]
        html = officer.get("/admin/contacts/erasure/").content.decode()
        assert REASON in html and "Done" in html and "陳大文" not in html

    @pytest.mark.parametrize(("typed", "reason"), [("", REASON), ("7", REASON), ("陳大文", REASON), (None, ""), (None, "x")])
    def test_does_nothing_otherwise_and_keeps_what_was_typed(
        self, officer: Client, person: Contact, typed: str | None, reason: str
    ) -> None:
        form = {"reason": reason, "typed": str(person.pk) if typed is None else typed}
        html = officer.post(at(person, "erase"), form).content.decode()
        assert "Nothing was done." in html and f'value="{form["typed"]}"' in html
        assert not Erasure.objects.exists()

    def test_pressed_twice_is_one_erasure(self, officer: Client, person: Contact) -> None:
        for _turn in range(2):
            officer.post(at(person, "erase"), {"reason": REASON, "typed": str(person.pk)})
        assert Erasure.objects.count() == 1


class Rights:
    @pytest.mark.parametrize(
        ("what", "method", "right"),
        [
            ("export", "post", "contacts.export_person"),
            ("exports/1", "get", "contacts.export_person"),
            ("hold", "post", "contacts.hold_person"),
            ("hold/lift", "post", "contacts.hold_person"),
            ("erase", "get", "contacts.erase_person"),
            ("erase", "post", "contacts.erase_person"),
        ],
    )
    def test_are_each_their_own(self, person: Contact, what: str, method: str, right: str) -> None:
        others = [each for each in RIGHTS if each != right]
        clerk = seated(allow(people.agent("mei"), "contacts.view_contact", "contacts.change_contact", *others))
        assert getattr(clerk, method)(at(person, what), {"reason": REASON, "typed": str(person.pk)}).status_code == 403
        assert getattr(Client(), method)(at(person, what)).status_code == 302
        assert not Erasure.objects.exists() and not LegalHold.objects.exists() and not PersonExport.objects.exists()

    @pytest.mark.parametrize("what", ["export", "hold", "hold/lift"])
    def test_nothing_is_done_by_a_mere_visit(self, officer: Client, person: Contact, what: str) -> None:
        assert officer.get(at(person, what)).status_code == 405
