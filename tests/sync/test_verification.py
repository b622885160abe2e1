"""Whether both sides agree is shown by comparing them, and drift that nobody reported is found."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from scrm.connections.models import Alert
from scrm.contacts.models import Contact
from scrm.sync import verification
from scrm.sync.models import ExternalRecord, VerifiedRecord
from scrm.sync.services import want
from scrm.sync.statistics import wilson
from tests.sync.conftest import Shop, later
from tests.sync.test_pull import linked, settle
from tests.sync.test_pull import two_ways as two_ways


def command(name: str, *arguments: str) -> tuple[int, dict[str, object]]:
    out = StringIO()
    try:
        call_command(name, *arguments, "--format", "json", stdout=out)
    except SystemExit as end:
        return int(end.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


class TestWilson:
    def test_known_values(self) -> None:
        # Newcombe 1998, table I: 81 of 263, 15 of 148; and 100 of 100.
        assert [round(bound, 4) for bound in wilson(81, 263)] == [0.2553, 0.3662]
        assert [round(bound, 4) for bound in wilson(15, 148)] == [0.0624, 0.1605]
        assert [round(bound, 4) for bound in wilson(100, 100)] == [0.9630, 1.0]
        assert wilson(0, 0) == (0.0, 1.0)

    @given(st.integers(0, 500), st.integers(1, 500))
    def test_bounds_hold_the_share(self, hits: int, of: int) -> None:
        if hits <= of:
            low, high = wilson(hits, of)
            assert 0 <= low <= hits / of <= high <= 1


class TestSample:
    def test_both_sides_in_step(self, two_ways: Shop) -> None:
        for number in range(12):
            linked(two_ways, f"客人{number}")
        status, found = command("verify_sync")
        (run,) = found["comparisons"]  # type: ignore[misc]
        assert (status, run["checked"], run["agreed"], run["accuracy"]) == (0, 12, 12, 1.0)

    def test_drift_on_either_side_is_found_and_named(self, two_ways: Shop) -> None:
        ours, _ = linked(two_ways, "陳大文")
        _, theirs = linked(two_ways, "黃美玲")
        linked(two_ways, "林怡君")
        Contact.objects.filter(pk=ours.pk).update(company="Changed behind everybody's back")
        two_ways.far.fields[theirs]["company"] = "Changed without a trace"
        later(minutes=10)
        status, found = command("verify_sync")
        (run,) = found["comparisons"]  # type: ignore[misc]
        assert (status, run["checked"], run["drifted"]) == (1, 3, 2)
        assert {each["fields"][0]["field"] for each in run["differences"]} == {"company"}

    def test_a_record_that_vanished_without_a_word_is_missing(self, two_ways: Shop) -> None:
        _, record = linked(two_ways)
        del two_ways.far.fields[record]
        status, found = command("verify_sync")
        assert (status, found["comparisons"][0]["missing"]) == (1, 1)  # type: ignore[index]

    def test_what_is_on_its_way_is_neither_right_nor_wrong(self, two_ways: Shop) -> None:
        chan, _ = linked(two_ways)
        Contact.objects.filter(pk=chan.pk).update(company="New")
        want(two_ways.crm, "contact", str(chan.pk))
        status, found = command("verify_sync")
        assert (status, found["comparisons"][0]["pending"], found["comparisons"][0]["checked"]) == (0, 1, 0)  # type: ignore[index]

    def test_the_days_sample_is_drawn_once_and_drift_is_told(self, two_ways: Shop) -> None:
        for number in range(6):
            linked(two_ways, f"客人{number}")
        Contact.objects.update(company="Drift")
        assert verification.verify_daily() == 1
        assert verification.verify_daily() == 0
        assert Alert.objects.filter(key__startswith="drift:", closed_at=None).count() == 1
        assert VerifiedRecord.objects.count() == 6

    def test_a_sample_takes_different_records(self, two_ways: Shop) -> None:
        for number in range(30):
            two_ways.far.add(firstname=f"客人{number}", phone=f"+8529800{number:04}")
        settle(two_ways)
        run = verification.verify(two_ways.crm, "contact", sample=10, seed=7)
        assert run is not None
        assert run.checked == len(set(run.records.values_list("external_id", flat=True))) == 10


class TestRepair:
    def test_a_full_comparison_puts_drift_right_by_the_usual_rules(self, two_ways: Shop) -> None:
        ours, first = linked(two_ways, "陳大文")
        theirs, second = linked(two_ways, "黃美玲")
        Contact.objects.filter(pk=ours.pk).update(company="Ours")
        two_ways.far.fields[second]["company"] = "Theirs"
        later(minutes=10)
        assert command("verify_sync", "--full", "--repair")[0] == 1
        settle(two_ways)
        theirs.refresh_from_db()
        assert (two_ways.far.fields[first]["company"], theirs.company) == ("Ours", "Theirs")
        later(minutes=10)
        assert command("verify_sync", "--full")[0] == 0

    def test_records_that_no_feed_told_of_are_found(self, two_ways: Shop) -> None:
        linked(two_ways)
        two_ways.far.overlap *= 0
        settle(two_ways)
        two_ways.far.put("999", {"firstname": "Hanako", "phone": "+819012345678"}, at=two_ways.far.modified["102"])
        settle(two_ways)
        assert Contact.objects.count() == 1
        assert command("verify_sync", "--full")[1]["comparisons"][0]["unknown"] == 1  # type: ignore[index]
        settle(two_ways)
        assert Contact.objects.count() == 2


class TestCommands:
    def test_sync_works_in_both_directions(self, two_ways: Shop) -> None:
        chan = two_ways.customer("陳大文")
        want(two_ways.crm, "contact", str(chan.pk))
        two_ways.far.add(firstname="Hanako", lastname="Sato", phone="+819012345678")
        status, found = command("sync")
        assert (status, found["taken"]) == (0, 2) or found["taken"] == 1
        assert ExternalRecord.objects.count() == 2

    def test_all_reads_everything_again_and_makes_nothing_twice(self, two_ways: Shop) -> None:
        for number in range(5):
            two_ways.far.add(firstname=f"客人{number}", phone=f"+8529800{number:04}")
        settle(two_ways)
        two_ways.far.overlap *= 0
        command("sync", "--all", "--pull-only")
        assert Contact.objects.count() == 5

    def test_a_connection_that_is_not_there_is_named(self, two_ways: Shop) -> None:
        with pytest.raises(CommandError, match="there are: crm"):
            call_command("verify_sync", "--connection", "nowhere")
