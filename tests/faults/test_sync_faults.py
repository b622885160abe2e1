"""Both sides in step whatever the CRM and the machine do meanwhile: the short forms. SYNC_RECORDS=1000 SYNC_CYCLES=10 make them long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import Unreachable
from scrm.contacts.models import Contact, FieldConflict
from scrm.core import clock
from scrm.sync import applying, engine, feeds, resolution, round, verification
from scrm.sync.models import ExternalRecord, Pull, Push
from scrm.sync.services import want
from tests.faults import storms
from tests.faults.storms import CYCLES, RECORDS, SHARES, Storm, both_ways, by_hand, calm, go_on, here, lost_silently, stands, stands_here
from tests.sync.conftest import Shop, fake_adapter, shop, standing_clock  # noqa: F401
from tests.sync.fake_crm import FakeCrm, FarSide, Killed

COMPANIES = ("Lucky Trading", "Harbour Lane", "永興貿易", "さくら商店")


@pytest.fixture
def two(shop: Shop) -> Shop:  # noqa: F811
    both_ways(shop.crm)
    shop.far.stamps = True
    return shop


@contextmanager
def broken(**guards: Any) -> Iterator[None]:
    """Guards of the sync taken away: the check beside must turn red."""
    patch = pytest.MonkeyPatch()
    for name, instead in guards.items():
        module, _, attribute = name.partition("__")
        patch.setattr({"round": round.Round, "applying": applying, "resolution": resolution}[module], attribute, instead)
    try:
        yield
    finally:
        patch.undo()


def people(two: Shop, count: int) -> list[Contact]:
    """Half of them known to us first, half to the CRM."""
    for number in range(count // 2):
        by_hand(two.far, two.far.new_id(), firstname=f"客人{number}", lastname="黃", phone=f"+8529700{number:04}")
    ours = [two.customer(f"陳客{number}") for number in range(count - count // 2)]
    for contact in ours:
        want(two.crm, "contact", str(contact.pk))
    calm()
    return list(Contact.objects.order_by("pk"))


class TestStorms:
    @pytest.mark.parametrize("share", SHARES)
    def test_all_end_in_step_or_given_up_with_a_reason(self, two: Shop, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
        storm = Storm(share)
        storm.counts(monkeypatch)
        storm.rages_over(monkeypatch)
        everybody = people(two, RECORDS)
        edits = dict.fromkeys(ExternalRecord.objects.values_list("external_id", flat=True), 1)
        for turn, contact in enumerate(everybody):
            record = ExternalRecord.objects.filter(key=str(contact.pk)).first()
            if turn % 2 and record is not None:
                by_hand(two.far, record.external_id, company=COMPANIES[turn % 4])
            else:
                here(contact, company=COMPANIES[turn % 4])
                if record is not None:
                    edits[record.external_id] = 2
            go_on(minutes=0.2)
        calm()
        assert storm.struck or share < 0.1
        assert not Push.objects.filter(state="dead", last_error="").exists()
        dead = set(Push.objects.filter(state="dead").values_list("key", flat=True))
        assert not Pull.objects.filter(state="dead", last_error="").exists()
        monkeypatch.undo()
        run = verification.verify(two.crm, "contact", sample=None)
        assert run is not None
        told = f"in memory {share:.0%}: {len(everybody)} people, {storm.struck} faults, {sum(storm.effective.values())} writes, "
        told += f"{len(dead)} given up"
        storms.say(told)
        assert (run.drifted, run.missing, run.unknown) == (0, 0, 0)
        assert run.checked + run.pending == len(everybody)
        assert run.pending <= len(dead) + Pull.objects.filter(state="dead").count()
        assert {record: count for record, count in storm.effective.items() if count > edits.get(record, 1)} == {}

    def test_an_hour_away_costs_no_record_its_life(self, two: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        everybody = people(two, 10)
        two.far.down = Unreachable("Connection refused")
        for minute in range(60):
            here(everybody[minute % len(everybody)], company=f"永興 {minute}")
            go_on(minutes=1)
        assert not Push.objects.filter(state="dead").exists()
        two.far.down = None
        calm()
        assert not Push.objects.exclude(state="done").exists()
        assert verification.verify(two.crm, "contact", sample=None).drifted == 0  # type: ignore[union-attr]


class TestBothSidesAtOnce:
    def test_nothing_is_lost_silently(self, two: Shop) -> None:
        edits, ties = self._clash(two)
        assert lost_silently(edits, two) == []
        assert set(FieldConflict.objects.filter(kind__in=["tie", "suspect"]).values_list("contact", flat=True)) >= ties

    def test_would_be_lost_by_a_push_that_does_not_read_first(self, two: Shop) -> None:
        with broken(round__read_first=lambda self, draft, chunk: draft):
            edits, _ = self._clash(two)
        assert lost_silently(edits, two)

    @staticmethod
    def _clash(two: Shop) -> tuple[dict[int, tuple[str, str]], set[int]]:
        """Every record is edited on both sides: ours later, theirs later, in the same moment, by a clock that runs a day ahead."""
        everybody = people(two, RECORDS)
        edits, ties = {}, set()
        for turn, contact in enumerate(everybody):
            record = ExternalRecord.objects.get(key=str(contact.pk)).external_id
            ours, theirs = f"Ours {turn}", f"Theirs {turn}"
            edits[contact.pk] = (ours, theirs)
            if turn % 4 == 0:
                by_hand(two.far, record, company=theirs)
                clock.advance(timedelta(milliseconds=1_200))
                here(contact, company=ours)
            elif turn % 4 == 1:
                here(contact, company=ours)
                clock.advance(timedelta(milliseconds=1_200))
                by_hand(two.far, record, company=theirs)
            else:
                here(contact, company=ours)
                two.far.put(record, {"company": theirs}, at=clock.now() + timedelta(days=turn % 4 - 2))
                ties.add(contact.pk)
            clock.advance(timedelta(milliseconds=800))
            engine.push_due()
        calm()
        return edits, ties


class TestLoops:
    def test_two_crms_that_tidy_everything_come_to_rest(self, two: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self._writes_by_cycle(two, monkeypatch)[CYCLES // 2 :] == [0] * (CYCLES - CYCLES // 2)

    def test_would_go_on_for_ever_without_both_halves_of_the_base(self, two: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        def always(ours: Any, theirs: Any, first: bool) -> bool:
            return bool(theirs.now != (ours.base or theirs.now))

        with broken(resolution___theirs_changed=always, resolution__alike_all=lambda one, other: tuple(one) == tuple(other)):
            assert sum(self._writes_by_cycle(two, monkeypatch)[CYCLES // 2 :]) > 0

    @staticmethod
    def _writes_by_cycle(two: Shop, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        two.far.tidies = lambda name, value: str(value).upper()
        second = FarSide(next_id=501, tidies=lambda name, value: f" {str(value).title()} ", stamps=True)
        storms.second_crm(second)
        chan = two.customer("Amy Chan")
        want(two.crm, "contact", str(chan.pk))
        calm()
        here(Contact.objects.get(pk=chan.pk), company="lucky trading ltd.")
        cycles = []
        for cycle in range(CYCLES):
            before = len(two.far.writes()) + len(second.writes())
            for far in (two.far, second):
                for record in list(far.fields):
                    by_hand(far, record, hobby=f"golf {cycle}")
            go_on(steps=3)
            cycles.append(len(two.far.writes()) + len(second.writes()) - before)
        return cycles


class TestPagesThatMove:
    def test_nobody_is_missed_while_records_come_go_and_change(self, two: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(feeds, "PAGE", 5)
        ids = [two.far.add(firstname=f"客人{number}", phone=f"+8529700{number:04}") for number in range(RECORDS)]
        read, turn = FakeCrm.changes, iter(range(10_000))

        def moving(crm: FakeCrm, kind: str, cursor: Any, limit: int) -> Any:
            page = read(crm, kind, cursor, limit)
            number = next(turn)
            if number < RECORDS // 3:
                clock.advance(timedelta(milliseconds=3))
                by_hand(two.far, ids[number], company="touched")
                two.far.add(firstname=f"新客{number}", phone=f"+8529600{number:04}")
                two.far.remove(ids[-1 - number])
            return page

        monkeypatch.setattr(FakeCrm, "changes", moving)
        calm()
        clock.advance(timedelta(minutes=11))
        calm()
        linked = set(ExternalRecord.objects.filter(removed_at=None).values_list("external_id", flat=True))
        assert linked == set(two.far.fields)
        touched = [each for each, fields_ in two.far.fields.items() if fields_.get("company") == "touched"]
        keys = ExternalRecord.objects.filter(external_id__in=touched).values_list("key", flat=True)
        assert set(Contact.objects.filter(pk__in=[int(key) for key in keys]).values_list("company", flat=True)) <= {"touched"}


class TestDeaths:
    @pytest.mark.parametrize("place", ["pull.read", "pull.page", "pull.committed", "apply"])
    def test_resumed_it_ends_as_undisturbed(self, two: Shop, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
        monkeypatch.setattr(feeds, "PAGE", 5)
        everybody = people(two, 12)
        for turn, contact in enumerate(everybody):
            record = ExternalRecord.objects.get(key=str(contact.pk)).external_id
            if turn % 2:
                by_hand(two.far, record, company=COMPANIES[turn % 4])
            else:
                here(contact, company=COMPANIES[turn % 4])
        wanted = {turn: COMPANIES[turn % 4] for turn in range(len(everybody))}
        deaths = iter([True, False, True, True, False, True, *[False] * 10_000])

        def die(name: str = "apply") -> None:
            if name == place and next(deaths):
                raise Killed

        monkeypatch.setattr(feeds, "crash_here", die)
        if place == "apply":
            apply = FakeCrm.apply
            monkeypatch.setattr(FakeCrm, "apply", lambda crm, writes: (apply(crm, writes), die())[0])
        killed = 0
        for _ in range(12):
            try:
                go_on(minutes=3)
            except Killed:
                killed += 1
        monkeypatch.undo()
        calm()
        assert killed
        for turn, contact in enumerate(everybody):
            contact.refresh_from_db()
            record = ExternalRecord.objects.get(key=str(contact.pk)).external_id
            assert (contact.company, two.far.fields[record]["company"]) == (wanted[turn], wanted[turn])
        assert len(stands(two.far)) == len(stands_here()) == len(everybody)
        assert Contact.objects.count() == len(everybody)
