"""`find_duplicates`: finds what looking one by one finds, stops and goes on without loss, and says how it ended."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from scrm.contacts.matching import cases, sweep
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, MatchSweep, MatchTie
from tests import people
from tests.contacts.matching.test_cases import contact

pytestmark = pytest.mark.django_db

NAMES = ["陳大文", "CHAN Tai Man", "林怡君", "Lin Yi-chun", "山田太郎", "ヤマダ タロウ", "Peter Cheung", "CHEUNG, Peter"]


def shop() -> None:
    for number, name in enumerate(NAMES):
        contact(name, phone=f"+8529123456{number // 2}")


def pairs() -> set[tuple[int, int]]:
    return set(DuplicateCandidate.objects.filter(state="open").values_list("first", "second"))


def stored() -> list[tuple[object, ...]]:
    """All that was found, whatever number it has."""
    rows = DuplicateCandidate.objects.order_by("first", "second")
    return list(
        rows.values_list("first", "second", "score", "evidence", "state", "case__score", "case__size", "case__proposal", "case__state")
    )


def find(*arguments: str) -> str:
    out = StringIO()
    call_command("find_duplicates", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


class FindDuplicates:
    def test_reports_as_json(self) -> None:
        shop()
        report = json.loads(find("--format", "json"))
        assert report["finished"] is True
        assert (report["contacts"], report["pairs_open"], report["cases_open"], report["proposed_to_merge"]) == (8, 4, 4, 4)

    def test_finds_what_looking_one_by_one_finds(self) -> None:
        shop()
        find()
        all_at_once = pairs()
        DuplicateCase.objects.all().delete()
        DuplicateCandidate.objects.all().delete()
        for pk in Contact.objects.values_list("pk", flat=True):
            match_contacts([pk])
        assert pairs() == all_at_once != set()

    def test_several_processes_find_the_same(self) -> None:
        shop()
        find()
        alone = list(DuplicateCandidate.objects.order_by("first", "second").values("first", "second", "score", "evidence"))
        DuplicateCase.objects.all().delete()
        DuplicateCandidate.objects.all().delete()
        find("--processes", "2", "--step", "3")
        assert list(DuplicateCandidate.objects.order_by("first", "second").values("first", "second", "score", "evidence")) == alone != []

    def test_what_people_decided_stands_and_the_rest_is_found(self) -> None:
        one, other = contact("陳大文", phone="+85291234567"), contact("CHAN Tai Man", phone="+85291234567")
        match_contacts([one.pk, other.pk])
        cases.decide(DuplicateCase.objects.get(), by=people.agent(), verdict="apart")
        third = contact("陈大文", phone="+85291234567")
        lin, yi_chun = contact("林怡君", phone="+85291234568"), contact("Lin Yi-chun", phone="+85291234568")
        find()
        kept = DuplicateCandidate.objects.get(first=one, second=other)
        assert (kept.state, kept.case.state) == ("apart", "done")
        assert pairs() == {(one.pk, third.pk), (other.pk, third.pk), (lin.pk, yi_chun.pk)}
        # Two that were kept apart are never in one cluster with a third.
        assert set(DuplicateCase.objects.filter(state="open").values_list("size", flat=True)) == {2}

    def test_nobody_is_asked_about_records_behind_a_survivor(self) -> None:
        one, other = contact("陳大文", phone="+85291234567"), contact("CHAN Tai Man", phone="+85291234567")
        match_contacts([one.pk, other.pk])
        cases.decide(DuplicateCase.objects.get(), by=people.agent(), verdict="merge", survivor=one.pk)
        third = contact("陈大文", phone="+85291234567")
        find()
        assert set(DuplicateCandidate.objects.asked().values_list("first", "second")) == {(one.pk, third.pk)}

    def test_who_comes_or_changes_meanwhile_is_compared_by_what_holds_now(self) -> None:
        shop()
        # By then everybody has been read, and nobody compared but the first two.
        late = list(Contact.objects.order_by("pk"))[4]
        steps = sweep.run(sweep.begin(), step=2)
        list(sweep.prepare())
        next(steps)
        late.identities.update(value="+85298765432", e164="+85298765432")
        fresh = contact("ヤマダ タロウ", phone="+85291234562")
        match_contacts([late.pk])
        match_contacts([fresh.pk])
        for _ in steps:
            pass
        asked = pairs()
        assert any(fresh.pk in pair for pair in asked)
        at_once = stored()
        DuplicateCase.objects.all().delete()
        DuplicateCandidate.objects.all().delete()
        find()
        assert pairs() == asked and [row[:2] for row in stored()] == [row[:2] for row in at_once if row[4] == "open"]

    @pytest.mark.parametrize("after", [1, 5, 8, 9])
    def test_who_is_gone_meanwhile_is_in_no_pair(self, after: int) -> None:
        shop()
        list(sweep.prepare())
        steps = sweep.run(sweep.begin(), step=2)
        for _ in range(after):
            next(steps)
        rows = list(Contact.objects.order_by("pk"))
        lost, kept = rows[5].pk, rows[4].pk
        rows[5].delete()
        for _ in steps:
            pass
        assert len(pairs()) == 3
        assert not MatchTie.objects.filter(first=lost).exists() and not MatchTie.objects.filter(second=lost).exists()
        assert not DuplicateCandidate.objects.asked().filter(first=kept).exists()

    def test_refuses_no_process_at_all(self) -> None:
        with pytest.raises(CommandError, match="1 to 64"):
            find("--processes", "0")

    def test_again_changes_nothing(self) -> None:
        shop()
        find()
        before = list(DuplicateCandidate.objects.order_by("pk").values())
        find()
        assert list(DuplicateCandidate.objects.order_by("pk").values()) == before

    # Four steps each of comparing, judging and writing.
    @pytest.mark.parametrize("after", [0, 1, 3, 5, 7, 9, 11])
    def test_stopped_after_any_step_goes_on_there(self, after: int) -> None:
        shop()
        find()
        expected = stored()
        DuplicateCase.objects.all().delete()
        DuplicateCandidate.objects.all().delete()
        row = sweep.begin()
        steps = sweep.run(row, step=2)
        for _ in range(after):
            next(steps)
        steps.close()
        assert json.loads(find("--resume", "--format", "json"))["finished"] is True
        assert stored() == expected
        assert MatchSweep.objects.get(pk=row.pk).compared == len(NAMES)

    def test_step_that_dies_leaves_nothing_half_done(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop()
        list(sweep.prepare())
        row = sweep.begin()
        steps = sweep.run(row, step=2)
        next(steps)
        position = MatchSweep.objects.get(pk=row.pk).position

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(MatchSweep, "save", die)
        with pytest.raises(KeyboardInterrupt):
            next(steps)
        monkeypatch.undo()
        assert MatchSweep.objects.get(pk=row.pk).position == position
        find("--resume")
        assert len(pairs()) == 4

    def test_nothing_to_resume_is_said(self) -> None:
        with pytest.raises(CommandError, match="nothing to go on with"):
            find("--resume")
