"""A CRM that keeps whole seconds: somebody edits a record in the second in which we wrote it, and the record's time stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from scrm.contacts.models import Contact, FieldConflict
from scrm.core import clock
from scrm.sync import engine, feeds
from scrm.sync.models import ExternalRecord, FieldMapping, Push
from scrm.sync.services import want
from tests.sync.conftest import Shop
from tests.sync.fake_crm import FakeCrm, FarSide
from tests.sync.test_pull import edit, later, settle

COMPANY = "Lucky Trading Company Limited"


@pytest.fixture
def coarse(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Contacts both ways with a CRM whose version is its time of modification, in whole seconds."""
    put = FarSide.put

    def in_seconds(far: FarSide, record_id: str, fields: dict[str, object], *, at: object = None) -> None:
        put(far, record_id, fields)
        second = clock.now().replace(microsecond=0)
        far.modified[record_id], far.versions[record_id] = second, int(second.timestamp())

    monkeypatch.setattr(FarSide, "put", in_seconds)
    monkeypatch.setattr(FakeCrm, "capabilities", replace(FakeCrm.capabilities, resolution=timedelta(seconds=1)))
    FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
    FieldMapping.objects.create(connection=shop.crm, kind="contact", source="company", target="company", direction="both")
    yield shop


def written_now(shop: Shop) -> tuple[Contact, str]:
    """A contact that both sides hold, with a company that we have written in this second."""
    chan = shop.customer("陳大文")
    want(shop.crm, "contact", str(chan.pk))
    settle(shop)
    edit(chan, company=COMPANY)
    later(seconds=61)
    feeds.pull_due()
    clock.advance(timedelta(seconds=1) - timedelta(microseconds=clock.now().microsecond))
    assert engine.push_due()
    record = ExternalRecord.objects.get()
    assert shop.far.fields[record.external_id]["company"] == COMPANY
    return chan, record.external_id


def written_now_tidied(shop: Shop) -> tuple[Contact, str]:
    chan = shop.customer("陳大文")
    want(shop.crm, "contact", str(chan.pk))
    settle(shop)
    edit(chan, company=COMPANY)
    later(seconds=2)
    assert engine.push_due()
    return chan, ExternalRecord.objects.get().external_id


def somebody_edits(shop: Shop, record_id: str, **values: str) -> None:
    """300 ms later, so in the same second."""
    clock.advance(timedelta(milliseconds=300))
    before = shop.far.versions[record_id]
    shop.far.put(record_id, values)
    assert shop.far.versions[record_id] == before


class TestTheSameSecond:
    def test_an_edit_right_after_our_write_arrives(self, coarse: Shop) -> None:
        chan, record_id = written_now(coarse)
        somebody_edits(coarse, record_id, company="Golden Harbour Ltd")
        settle(coarse)
        chan.refresh_from_db()
        assert chan.company == coarse.far.fields[record_id]["company"] == "Golden Harbour Ltd"
        assert not FieldConflict.objects.filter(state="open").exists()

    def test_an_edit_of_a_field_that_we_did_not_write_arrives(self, coarse: Shop) -> None:
        chan, record_id = written_now(coarse)
        somebody_edits(coarse, record_id, firstname="小文")
        settle(coarse)
        chan.refresh_from_db()
        assert (chan.name, chan.company) == ("陳小文", COMPANY)

    def test_an_edit_after_our_write_was_read_back_arrives_too(self, coarse: Shop) -> None:
        chan, record_id = written_now(coarse)
        feeds.pull_due(at_once=True)
        somebody_edits(coarse, record_id, company="Golden Harbour Ltd")
        settle(coarse)
        chan.refresh_from_db()
        assert chan.company == "Golden Harbour Ltd"

    def test_what_the_crm_tidied_is_our_own_write(self, coarse: Shop) -> None:
        coarse.far.tidies = lambda name, value: str(value).upper() if name == "company" else value
        chan, record_id = written_now_tidied(coarse)
        writes = len(coarse.far.writes())
        settle(coarse)
        chan.refresh_from_db()
        assert chan.company == COMPANY
        assert coarse.far.fields[record_id]["company"] == COMPANY.upper()
        assert len(coarse.far.writes()) == writes

    def test_a_page_that_was_fetched_before_our_write_does_not_undo_it(self, coarse: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Read, then written by another worker within the same second, then taken over."""
        chan = coarse.customer("陳大文")
        want(coarse.crm, "contact", str(chan.pk))
        settle(coarse)
        record_id = ExternalRecord.objects.get().external_id
        edit(chan, company=COMPANY)
        clock.advance(timedelta(seconds=61))
        coarse.far.put(record_id, {"company": "Old Name"})
        changes = FakeCrm.changes

        def raced(crm: FakeCrm, *arguments: object) -> object:
            page = changes(crm, *arguments)  # type: ignore[arg-type]
            monkeypatch.setattr(FakeCrm, "changes", changes)
            coarse.far.put(record_id, {"company": COMPANY})
            clock.advance(timedelta(milliseconds=100))
            ExternalRecord.objects.update(
                base={**ExternalRecord.objects.get().base, "company": COMPANY},
                version=str(coarse.far.versions[record_id]),
                synced_at=clock.now(),
            )
            Push.objects.update(state="done", written=2, wanted=2)
            return page

        monkeypatch.setattr(FakeCrm, "changes", raced)
        feeds.pull_due(at_once=True)
        settle(coarse)
        chan.refresh_from_db()
        assert chan.company == coarse.far.fields[record_id]["company"] == COMPANY

    def test_a_crm_with_milliseconds_is_asked_no_more_than_its_version(self, shop: Shop) -> None:
        FieldMapping.objects.filter(kind="contact").exclude(source="last_message_at").update(direction="both")
        shop.far.tidies = lambda name, value: f"{value} (HK)" if name == "lastname" else value
        chan = shop.customer("陳大文")
        want(shop.crm, "contact", str(chan.pk))
        settle(shop)
        chan.refresh_from_db()
        assert (chan.name, len(shop.far.writes())) == ("陳大文", 1)
