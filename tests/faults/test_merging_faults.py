"""Merging under trouble: killed at each point it is all or nothing; pressed by many at once it is done once and nobody is lost.

Counted from the rows of a dump, not from what the callers think they did.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections

from scrm.contacts import events, merging
from scrm.contacts.fields import Offer, offer
from scrm.contacts.matching import cases, finding
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Event, Identity, Merge
from scrm.core import clock
from tests.faults.mortal import KILLED, in_a_fork
from tests.faults.sabotage import sabotaged
from tests.people import agent, conversation, customer

pytestmark = pytest.mark.django_db(transaction=True)


def people(count: int) -> list[Contact]:
    made = []
    for number in range(count):
        identity = customer(name=f"陳大文{number}", phone=f"8529123{number:04}")
        conversation(identity)
        offer([Offer(identity.contact, {"company": f"公司{number}"}, "crm:hubspot", clock.now())])
        made.append(Contact.objects.get(pk=identity.contact_id))
    return made


def dump(*, times: bool = True) -> dict[str, list[Any]]:
    """Everything that a merge may touch. `updated_at` tells partners of a change, so it moves with every merge and its undoing."""
    left_out = {"updated_at", *(() if times else ("last_activity_at", "last_inbound_at"))}
    columns = [field.attname for field in Contact._meta.concrete_fields if field.attname not in left_out]
    return {
        "contacts": list(Contact.objects.order_by("pk").values_list(*columns)),
        "identities": list(Identity.objects.order_by("pk").values_list()),
        "events": list(Event.objects.exclude(kind__in=["contact.merged", "contact.unmerged"]).order_by("pk").values_list()),
        "standing": list(Merge.objects.filter(undone_at=None).order_by("pk").values_list("survivor", "duplicate")),
    }


class Killed:
    @pytest.mark.parametrize("point", ["merging.joined", "merging.written"])
    def test_in_a_merge_leaves_two_people_as_they_were(self, point: str) -> None:
        first, second = people(2)
        by, before = agent("aya"), dump()
        assert in_a_fork(lambda: merging.merge(first, second, by=by), crash_at=point) == KILLED
        assert dump() == before
        merging.merge(first, second, by=by)
        assert Contact.objects.get(pk=second.pk).merged_into_id == first.pk

    @pytest.mark.parametrize("point", ["merging.parted", "merging.written"])
    def test_in_an_undo_leaves_one_person_as_it_was(self, point: str) -> None:
        first, second = people(2)
        by, apart = agent("aya"), dump()
        row = merging.merge(first, second, by=by)
        together = dump()
        assert in_a_fork(lambda: merging.undo(row, by=by), crash_at=point) == KILLED
        assert dump() == together
        merging.undo(row, by=by)
        assert dump() == apart

    @pytest.mark.parametrize("point", ["merging.joined", "merging.written"])
    def test_in_a_merge_that_is_committed_in_pieces_leaves_half_of_it(self, point: str) -> None:
        first, second = people(2)
        by, before = agent("aya"), dump()
        with sabotaged("merge_in_pieces"):
            assert in_a_fork(lambda: merging.merge(first, second, by=by), crash_at=point) == KILLED
        assert dump() != before


class AtOnce:
    def all_at_once(self, works: list[Any]) -> Counter[str]:
        """Run them in threads that start together; what became of each."""
        begin, ended = threading.Barrier(len(works)), []

        def run(work: Any) -> None:
            begin.wait(20)
            try:
                work()
                ended.append("done")
            except (merging.CannotMerge, merging.CannotUndo):
                ended.append("told")
            except Exception as error:
                ended.append(f"{type(error).__name__}: {error}")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return Counter(ended)

    def test_pressed_by_many_is_done_once_and_the_others_are_told(self) -> None:
        first, second = people(2)
        by = agent("aya")
        count = 32 if connection.vendor == "postgresql" else 8
        one_way, other_way = (lambda: merging.merge(first.pk, second.pk, by=by)), (lambda: merging.merge(second.pk, first.pk, by=by))
        ended = self.all_at_once([one_way, other_way] * (count // 2))
        assert ended == {"done": 1, "told": count - 1}
        assert Merge.objects.filter(undone_at=None).count() == 1
        assert Contact.objects.filter(merged_into=None).count() == 1

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer, which no lock is needed for")
    def test_without_the_lock_is_done_more_than_once(self) -> None:
        first, second = people(2)
        by = agent("aya")
        one_way, other_way = (lambda: merging.merge(first.pk, second.pk, by=by)), (lambda: merging.merge(second.pk, first.pk, by=by))
        with sabotaged("merge_unlocked"):
            ended = self.all_at_once([one_way, other_way] * 4)
        assert ended != {"done": 1, "told": 7}

    def test_with_decisions_of_their_case_ends_as_one_of_both(self) -> None:
        """One decides the case, others merge by the contacts' page and withdraw it: nobody waits for ever, and pairs tell what stands."""
        rows = people(3)
        Contact.objects.update(name="陳大文")
        finding.match_contacts([row.pk for row in rows])
        mei, by = agent("mei"), agent("aya")
        case = DuplicateCase.objects.get(state="open")

        def decide() -> None:
            try:
                cases.decide(case, by=mei)
            except ValidationError as error:
                raise merging.CannotMerge from error

        works = [decide, lambda: merging.merge(rows[2].pk, rows[0].pk, by=by), lambda: finding.match_contacts([row.pk for row in rows])]
        ended = self.all_at_once(works * 3)
        assert set(ended) <= {"done", "told"}, ended
        roots = dict(Contact.objects.values_list("pk", "merged_into"))
        for pair in DuplicateCandidate.objects.all():
            one = (roots[pair.first_id] or pair.first_id) == (roots[pair.second_id] or pair.second_id)
            # A record that had been merged before has nothing in common with anybody any more.
            assert pair.state in ({"merged", "gone"} if one else {"open"}), (pair, pair.state)

    def test_of_overlapping_sets_makes_one_tree_without_a_ring(self) -> None:
        crowd = people(5)
        by, drawn = agent("aya"), random.Random(4)
        pairs = [drawn.sample([row.pk for row in crowd], 2) for _ in range(24 if connection.vendor == "postgresql" else 8)]
        ended = self.all_at_once([lambda pair=pair: merging.merge(*pair, by=by) for pair in pairs])
        assert set(ended) <= {"done", "told"}, ended
        standing = Merge.objects.filter(undone_at=None).count()
        assert ended["done"] == standing == 5 - Contact.objects.filter(merged_into=None).count()
        roots = set(Contact.objects.filter(merged_into=None).values_list("pk", flat=True))
        assert set(Identity.objects.values_list("contact", flat=True)) <= roots
        assert set(Contact.objects.exclude(merged_into=None).values_list("merged_into", flat=True)) <= roots

    def test_of_an_undo_is_done_once(self) -> None:
        first, second = people(2)
        by, apart = agent("aya"), dump()
        row = merging.merge(first, second, by=by)
        ended = self.all_at_once([lambda: merging.undo(row.pk, by=by)] * 6)
        assert ended == {"done": 1, "told": 5}
        assert dump() == apart


class ManyMerges:
    def test_of_which_one_keeps_what_came_since_are_seen(self) -> None:
        first, second = people(2)
        row = merging.merge(first.pk, second.pk, by=None)
        identity = Identity.objects.get(home=second)
        events.record([Event(contact_id=first.pk, identity=identity, kind="message.received", occurred_at=clock.now(), data={})])
        with sabotaged("keep_what_came"):
            merging.undo(row, by=None)
        assert Event.objects.get(kind="message.received").contact_id == first.pk
        again = merging.merge(first.pk, second.pk, by=None)
        events.record([Event(contact_id=first.pk, identity=identity, kind="message.read", occurred_at=clock.now(), data={})])
        merging.undo(again, by=None)
        assert Event.objects.get(kind="message.read").contact_id == second.pk

    def test_undone_in_any_order_give_back_what_was(self) -> None:
        """RELIABILITY M01 in short: random merges of many people, undone in random order."""
        drawn, by = random.Random(11), agent("aya")
        crowd = people(14)
        before = dump()
        rows = []
        for _ in range(24):
            one, other = drawn.sample(crowd, 2)
            try:
                rows.append(merging.merge(one.pk, other.pk, by=by))
            except merging.CannotMerge:
                continue
        assert len(rows) > 8
        drawn.shuffle(rows)
        for row in rows:
            merging.undo(row, by=by)
        assert dump() == before
