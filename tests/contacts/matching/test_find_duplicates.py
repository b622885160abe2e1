"""`find_duplicates`: finds what looking one by one finds, stops and goes on without loss, and says how it ended."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from scrm.contacts.matching import sweep
from scrm.contacts.matching.finding import match_contacts
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, MatchSweep
from tests.contacts.matching.test_cases import contact

pytestmark = pytest.mark.django_db

NAMES = ["陳大文", "CHAN Tai Man", "林怡君", "Lin Yi-chun", "山田太郎", "ヤマダ タロウ", "Peter Cheung", "CHEUNG, Peter"]


def shop() -> None:
    for number, name in enumerate(NAMES):
        contact(name, phone=f"+8529123456{number // 2}")


def pairs() -> set[tuple[int, int]]:
    return set(DuplicateCandidate.objects.filter(state="open").values_list("first", "second"))


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

    def test_refuses_no_process_at_all(self) -> None:
        with pytest.raises(CommandError, match="1 to 64"):
            find("--processes", "0")

    def test_again_changes_nothing(self) -> None:
        shop()
        find()
        before = list(DuplicateCandidate.objects.order_by("pk").values())
        find()
        assert list(DuplicateCandidate.objects.order_by("pk").values()) == before

    @pytest.mark.parametrize("after", [0, 1, 3, 5, 7])
    def test_stopped_after_any_step_goes_on_there(self, after: int) -> None:
        shop()
        find()
        expected = pairs()
        DuplicateCase.objects.all().delete()
        DuplicateCandidate.objects.all().delete()
        row = sweep.begin()
        steps = sweep.run(row, step=2)
        for _ in range(after):
            next(steps)
        steps.close()
        assert json.loads(find("--resume", "--format", "json"))["finished"] is True
        assert pairs() == expected
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
