"""Two contacts become one person, and two again: nothing is overwritten, so any merge can be taken back at any time.

A merge is an edge: `duplicate` and all that was merged into it show as `survivor`. Its addresses go to the survivor and remember their
`home`, its history stays where it is and is read with the family's, and the survivor's columns show the fold of both (`overlay`).
Taking the edge away sends the addresses home, with what was written since because of them. See `fold` for values, `histories` for
what hangs on people. Consent stands on the addresses and is never touched: the strictest of the person's addresses counts.

Locks: all people concerned in the order of their ids, as `lock_person` does. Records that are no survivors are only locked when
nobody holds them, so that nobody who waits for the survivor can be waited for.

Nothing is merged in a CRM: there it could not be undone. The duplicate's records stay linked, and the survivor is written.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext as _

from scrm.contacts import activity, events, overlay
from scrm.contacts.family import family_ids as family_ids
from scrm.contacts.family import root_of as root_of
from scrm.contacts.histories import wandering
from scrm.contacts.matching import families
from scrm.contacts.models import Contact, Event, Identity, Merge
from scrm.contacts.records import Unfit, cleaned, fields_of, is_field, value_of
from scrm.contacts.search import contact_index, reindex
from scrm.core import audit, clock
from scrm.core.crashpoints import crash_here
from scrm.core.rows import update_many

Choices = Mapping[str, Mapping[str, Any]]
_COLUMNS = (
    "name", "company", "language", "country", "time_zone", "priority", "owner", "notes", "birthday", "address", "city", "state",
    "postal_code", "custom", "provenance", "own", "merged_into", "last_inbound_at", "last_activity_at", "updated_at",
)  # fmt: skip
_ATTEMPTS = 200
_PAUSE = 0.02


class CannotMerge(Exception):
    """The message says why, in the reader's language."""


class CannotUndo(Exception):
    """The message says why, in the reader's language."""


def merge(
    survivor: Contact | int,
    duplicate: Contact | int,
    *,
    by: Any,
    choices: Choices | None = None,
    reason: str = "",
    at: datetime | None = None,
) -> Merge:
    """Show `duplicate` as `survivor` from now on.

    `choices`: {field: {"from": "survivor" | "duplicate"} or {"from": "typed", "value": ...}}; without one the later value is shown.
    Given records that were merged themselves, their survivors are merged. Raises `CannotMerge`; then nothing has happened.
    """
    return merge_many(survivor, [duplicate], by=by, choices={_pk(duplicate): choices or {}}, reason=reason, at=at)[0]


def merge_many(
    survivor: Contact | int,
    duplicates: Sequence[Contact | int],
    *,
    by: Any,
    choices: Mapping[int, Choices] | None = None,
    reason: str = "",
    at: datetime | None = None,
    in_case: bool = False,
) -> list[Merge]:
    """A whole cluster in one transaction. `choices`: by duplicate's id. `in_case`: who calls settles the pairs of their case themselves."""
    into, others = _pk(survivor), [_pk(each) for each in duplicates]
    with transaction.atomic():
        family = _lock({into, *others}, CannotMerge)
        activity.attribute(family)
        made = [_join(family, into, pk, by, fit_choices((choices or {}).get(pk, {})), reason, at or clock.now()) for pk in others]
        crash_here("merging.joined")
        _settle(family, at or clock.now())
        if not in_case:
            top = family.top(into)
            families.joined([top, *family.below(top)], by=_named(by))
    return made


def undo(
    merge: Merge | int, *, by: Any, at: datetime | None = None, keep_apart: bool = False, reason: str = "", in_case: bool = False
) -> Merge:
    """Separate them again, as if they had never been one. Other merges of either side stand. Raises `CannotUndo`.

    `keep_apart`: they are different people, and are not to be proposed again, because of `reason`. `in_case`: as in `merge_many`.
    """
    pk = merge if isinstance(merge, int) else merge.pk
    at = at or clock.now()
    with transaction.atomic():
        row = Merge.objects.filter(pk=pk).first()
        if row is None:
            raise CannotUndo(_("There is no such merge."))
        family = _lock({row.survivor_id, row.duplicate_id}, CannotUndo)
        edge = next((each for each in family.merges if each.pk == pk), None)
        if edge is None:
            raise CannotUndo(_("This merge was undone already."))
        _part(family, edge, by, at)
        crash_here("merging.parted")
        _settle(family, at)
        if not in_case:
            leaving, stay = [edge.duplicate_id, *family.below(edge.duplicate_id)], family.top(edge.survivor_id)
            apart = (edge.survivor_id, edge.duplicate_id) if keep_apart else None
            families.separated(leaving, [stay, *family.below(stay)], keep_apart=apart, by=_named(by), reason=reason)
    return edge


def _named(by: Any) -> str:
    return by.get_username() if by else ""


def _pk(contact: Contact | int) -> int:
    return contact if isinstance(contact, int) else contact.pk


def fit_choices(choices: Choices) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, choice in choices.items():
        if not is_field(name) or choice.get("from") not in ("survivor", "duplicate", "typed"):
            raise CannotMerge(_("“%(name)s” cannot be chosen.") % {"name": name})
        try:
            found[name] = {"from": choice["from"]} | ({"value": cleaned(name, choice.get("value"))} if choice["from"] == "typed" else {})
        except Unfit as error:
            raise CannotMerge(f"{name}: {error}") from None
    return found


def _lock(ids: Collection[int], problem: type[Exception]) -> overlay.Family:
    """The people behind these records with all their records. Waits for survivors, but never for a record below one."""
    for attempt in range(_ATTEMPTS):
        roots = _roots(ids)
        if missing := set(ids) - set(roots):
            raise problem(_("There is no contact %(id)s any more.") % {"id": min(missing)})
        try:
            with transaction.atomic():
                family = overlay.load_tree(set(roots.values()))
                if {pk: family.rows[pk].merged_into_id or pk for pk in ids if pk in family.rows} == roots:
                    return family
                raise _Moved
        except _Moved:
            continue
        except OperationalError as error:
            if connection.vendor == "sqlite" or attempt == _ATTEMPTS - 1 or not _is_lock(error):
                raise
            time.sleep(_PAUSE)
    raise problem(_("These contacts are being changed by somebody else. Try again."))


class _Moved(Exception):
    """Somebody was merged or separated between looking and locking."""


def _is_lock(error: OperationalError) -> bool:
    """Somebody holds the row, or two waited for each other and this one was chosen to give way."""
    return getattr(error.__cause__, "sqlstate", "") in ("55P03", "40P01")


def _roots(ids: Collection[int]) -> dict[int, int]:
    return dict(Contact.objects.filter(pk__in=ids).values_list("pk", Coalesce("merged_into", "pk")))


def _join(family: overlay.Family, into: int, pk: int, by: Any, choices: dict[str, dict[str, Any]], reason: str, at: datetime) -> Merge:
    survivor, duplicate = family.top(into), family.top(pk)
    if survivor == duplicate:
        raise CannotMerge(_("They are one person already."))
    moved = Identity.objects.filter(contact=duplicate)
    row = Merge(survivor_id=survivor, duplicate_id=duplicate, choices=choices, reason=reason[:300], by=by, merged_at=at)
    row.journal = {
        "before": {str(each): _words(family.rows[each]) for each in (survivor, duplicate)},
        "identities": list(moved.order_by("pk").values_list("pk", flat=True)),
        "records": [duplicate, *family.below(duplicate)],
        "marks": {history.name: history.mark() for history in wandering()},
    }
    row.save()
    moved.update(home=Coalesce("home", "contact"), contact=survivor)
    family.merges.append(row)
    family.merges.sort(key=lambda each: (each.merged_at, each.pk))
    family.moved |= {survivor, duplicate}
    data = {"merge": row.pk, "other": duplicate, "by": _named(by)}
    family.news.append(Event(contact_id=survivor, kind="contact.merged", occurred_at=at, data=data))
    _account("contacts.merged", row, by, survivor, {"merge": row.pk, "duplicate": duplicate, "choices": choices}, reason)
    return row


def _account(action: str, row: Merge, by: Any, top: int, after: Mapping[str, Any], reason: str = "") -> None:
    """`by` None: a machine's. What the records said before stands in the merge's journal."""
    about = [f"contacts.contact:{pk}" for pk in (row.survivor_id, row.duplicate_id)]
    audit.record(action, by=by, subject=f"contacts.contact:{top}", about=about, after=after, reason=reason)


def _words(row: Contact) -> dict[str, Any]:
    """The fields as they were shown, for people to read."""
    return {name: value for name in fields_of(row) if (value := value_of(row, name)) not in (None, "")}


def _part(family: overlay.Family, edge: Merge, by: Any, at: datetime) -> None:
    top = family.top(edge.survivor_id)
    leaving = [edge.duplicate_id, *family.below(edge.duplicate_id)]
    staying = [pk for pk in (top, *family.below(top)) if pk not in leaving]
    activity.attribute(family)
    for home in leaving:
        _send_home(home, staying, edge)
    # NullIf: what comes to its own contact has no other home.
    mine = Identity.objects.filter(contact=top).filter(Q(home__in=leaving))
    mine.update(contact=edge.duplicate_id, home=NullIf(F("home"), edge.duplicate_id))
    edge.undone_at, edge.undone_by = at, by
    edge.save(update_fields=["undone_at", "undone_by"])
    family.merges.remove(edge)
    family.moved |= {top, edge.survivor_id, edge.duplicate_id}
    data = {"merge": edge.pk, "other": edge.duplicate_id, "by": _named(by)}
    _account("contacts.merge_undone", edge, by, top, {"merge": edge.pk, "duplicate": edge.duplicate_id})
    family.news += [
        Event(contact_id=top, kind="contact.unmerged", occurred_at=at, data=data),
        Event(contact_id=edge.duplicate_id, kind="contact.unmerged", occurred_at=at, data=data | {"other": top}),
    ]


def _send_home(home: int, staying: Collection[int], edge: Merge) -> None:
    identities = list(Identity.objects.filter(home=home).values_list("pk", flat=True))
    for history in wandering():
        history.send_home(home, identities, staying, edge.journal.get("marks", {}).get(history.name, 0))


def _settle(family: overlay.Family, at: datetime) -> None:
    """Write what every record shows now, whose record it is, and tell."""
    touched = {each for pk in family.moved for each in (pk, *family.above(pk))}
    own = {pk: activity.own_times(row) for pk, row in family.rows.items()}
    overlay.refold(family, touched)
    activity.fold(family, own)
    for pk, row in family.rows.items():
        row.merged_into_id = None if family.top(pk) == pk else family.top(pk)
    for pk in touched:
        family.rows[pk].updated_at = at
    update_many(Contact, [family.rows[pk] for pk in sorted(family.rows)], _COLUMNS)
    crash_here("merging.written")
    roots = [pk for pk in family.rows if family.top(pk) == pk]
    contact_index.remove([pk for pk in family.rows if pk not in roots])
    reindex(roots)
    events.record(family.news)
