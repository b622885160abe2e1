"""What is left alone for want of its person comes by itself once that person is linked, and what belongs to several once they were merged
into one: then it is read again, through the usual queue.

Whose link comes into being says so in the same transaction, and a merge is told as an event. Where that and the leaving alone passed each
other unseen, in two transactions at once, the sweep finds it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from django.db import connections as databases
from django.db import router, transaction
from django.db.models import Exists, F, OuterRef

from scrm.connections.models import Connection
from scrm.core import clock, jobs
from scrm.core.rows import insert_or
from scrm.sync.kinds import Kind
from scrm.sync.models import AwaitedPerson, ExternalRecord, Pull
from scrm.sync.person_ids import SEVERAL, people_of

PAGE = 500


def note(connection_id: int, kind: str, people: Mapping[str, Collection[str]]) -> None:
    """{record that is left alone: the records of whom it belongs to}. In the caller's transaction; what is known already costs no write."""
    if not people:
        return
    rows = Pull.objects.filter(connection=connection_id, kind=kind, external_id__in=list(people)).values_list("pk", "external_id")
    awaited = [AwaitedPerson(pull_id=pk, person=person) for pk, record in rows.order_by("pk") for person in sorted(people[record])]
    if awaited:
        insert_or(AwaitedPerson, awaited, "ON CONFLICT DO NOTHING")


def linked(connection_id: int, people: Iterable[str]) -> None:
    """These records of people were linked to contacts just now, in the caller's transaction. One statement where nothing waits for them.

    Of very much that waits the sweep brings the rest.
    """
    wanted = [each[:100] for each in people]
    if wanted:
        waiting = AwaitedPerson.objects.filter(person__in=wanted, pull__connection=connection_id, pull__state=Pull.State.LEFT)
        _read_again(waiting.order_by("pull").values_list("pull", flat=True)[:PAGE])


def joined(connection: Connection, people: Collection[str]) -> None:
    """These records there are of people who were merged here. Of very much that waits the sweep brings the rest."""
    waiting = AwaitedPerson.objects.filter(person__in=people, pull__connection=connection, pull__state=Pull.State.LEFT)
    pulls = list(waiting.filter(pull__last_error=SEVERAL).order_by("pull").values_list("pull", flat=True).distinct()[:PAGE])
    with transaction.atomic():
        _read_again(_of_one(connection, pulls))


def _of_one(connection: Connection, pulls: Collection[int]) -> list[int]:
    """Those of these reads whose people, as far as they are linked, are one person by now."""
    awaited = list(AwaitedPerson.objects.filter(pull__in=pulls).values_list("pull", "person")) if pulls else []
    people = people_of(connection, {person for _, person in awaited})
    owners: dict[int, set[int]] = {}
    for pull, person in awaited:
        owners.setdefault(pull, set()).update({people[person].pk} if person in people else ())
    return sorted(pull for pull, found in owners.items() if len(found) == 1)


def sweep() -> int:
    """What is left alone although its person is linked by now, or its people are one, a page a transaction. Returns how many are read
    again."""
    crms = list(Connection.objects.filter(kind=Connection.Kind.CRM))
    return sum(_sweep(connection, page) for connection in crms for page in _pages(connection)) + sum(map(_unnoted, crms))


def _unnoted(connection: Connection) -> int:
    """What was left alone as several people's before these were noted; read once more, it is."""
    left = Pull.objects.filter(connection=connection, state=Pull.State.LEFT, last_error=SEVERAL)
    with transaction.atomic():
        return _read_again(left.filter(awaited_people=None).order_by("-pk").values_list("pk", flat=True)[:PAGE])


def _pages(connection: Connection) -> Iterator[list[AwaitedPerson]]:
    """Those whose person has a link."""
    links = ExternalRecord.objects.filter(connection=connection, kind=Kind.CONTACT, external_id=OuterRef("person"))
    rows = AwaitedPerson.objects.filter(Exists(links), pull__connection=connection).select_related("pull").order_by("pk")
    page = list(rows[:PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])


def _sweep(connection: Connection, page: Sequence[AwaitedPerson]) -> int:
    people = people_of(connection, {row.person for row in page})
    met = [row for row in page if row.person in people]
    with transaction.atomic():
        AwaitedPerson.objects.filter(pk__in=[row.pk for row in met if row.pull.state == Pull.State.DONE]).delete()
        left = [row.pull for row in met if row.pull.state == Pull.State.LEFT]
        several = {pull.pk for pull in left if pull.last_error == SEVERAL}
        return _read_again([*(pull.pk for pull in left if pull.pk not in several), *_of_one(connection, several)])


def _read_again(pulls: Iterable[int]) -> int:
    """Only what is left alone still. What another worker has in hand at this moment is left to it, and to the sweep."""
    wanted = list(dict.fromkeys(pulls))
    if not wanted:
        return 0
    rows = Pull.objects.filter(pk__in=wanted, state=Pull.State.LEFT).order_by("pk")
    if databases[router.db_for_write(Pull)].features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    pks = list(rows.values_list("pk", flat=True))
    now = clock.now()
    AwaitedPerson.objects.filter(pull__in=pks).delete()
    Pull.objects.filter(pk__in=pks).update(state=Pull.State.DUE, wanted=F("wanted") + 1, attempts=0, due_at=now, asked_at=now)
    jobs.wake_on_commit("pull")
    return len(pks)
