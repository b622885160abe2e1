"""The list of differences: what is shown, what the other source says, and one key for each answer.

Decided rows stay where they are until the page is left, so that a slip of the finger is mended with one more key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scrm.console import access
from scrm.console.access import person
from scrm.console.review import answers
from scrm.console.review.sources import Sources
from scrm.console.review.table import plain
from scrm.contacts import differences
from scrm.contacts.models import Contact, FieldConflict, FieldRule, Identity
from scrm.contacts.records import label_of
from scrm.core import clock
from scrm.staff.models import User

PAGE = 40
# A decision of these kinds may be changed by whoever made it.
MINE = frozenset({FieldConflict.State.CONFIRMED, FieldConflict.State.REVERTED})


@dataclass(frozen=True, slots=True)
class Row:
    """One difference in words. `open`: still to be decided."""

    pk: int
    contact: Contact
    addresses: str
    field: str
    label: str
    kind: str
    kind_label: str
    state: str
    state_label: str
    open: bool
    shown: str
    shown_source: str
    shown_at: datetime | None
    other: str
    other_source: str
    other_at: datetime | None


@access.seen_with(access.SEE_DIFFERENCES)
def conflicts(request: HttpRequest) -> HttpResponse:
    wanted, after = request.GET.get("field", ""), request.GET.get("after", "")
    found = _open(request, wanted, after)
    context = {
        **admin.site.each_context(request),
        "title": _("Differences"),
        "rows": rows_of(found[:PAGE]),
        "more": found[PAGE - 1].pk if len(found) > PAGE else None,
        "fields": _fields(),
        "chosen_field": wanted,
        "may_decide": request.user.has_perm(access.DECIDE_DIFFERENCES),
        "may_rule": request.user.has_perm(access.MAKE_RULES),
        "rules": [(rule, label_of(rule.field)) for rule in FieldRule.objects.all()],
        "prefer": FieldRule.Prefer.choices,
        "progress": progress_of(person(request)),
    }
    return render(request, "console/review/conflicts.html", context)


def _open(request: HttpRequest, field: str, after: str) -> list[FieldConflict]:
    found = access.seen(request, FieldConflict.objects.filter(state=FieldConflict.State.OPEN).select_related("contact"))
    if field:
        found = found.filter(field=field)
    last = FieldConflict.objects.filter(pk=int(after)).first() if after.isdecimal() and len(after) < 19 else None
    if last is not None:
        found = found.filter(Q(found_at__gt=last.found_at) | Q(found_at=last.found_at, pk__gt=last.pk))
    return list(found.order_by("found_at", "pk")[: PAGE + 1])


def _fields() -> list[tuple[str, str, int]]:
    """The fields with open differences, the most frequent first."""
    counted = FieldConflict.objects.filter(state=FieldConflict.State.OPEN).values_list("field").annotate(number=Count("pk"))
    return [(name, label_of(name), number) for name, number in counted.order_by("-number", "field")[:20]]


def rows_of(found: Sequence[FieldConflict]) -> list[Row]:
    words = Sources(source for row in found for source in (row.shown_source, row.other_source))
    owners = _people({value for row in found if row.field == "owner" for value in (row.shown, row.other)})
    addresses = _addresses([row.contact_id for row in found])
    return [_row(row, words, owners, addresses.get(row.contact_id, "")) for row in found]


def _row(row: FieldConflict, words: Sources, owners: dict[int, str], addresses: str) -> Row:
    def shown(value: Any) -> str:
        if row.field == "owner":
            return owners.get(value, plain(value))
        return str(Contact.Priority(value).label) if row.field == "priority" and value in Contact.Priority else plain(value)

    return Row(
        pk=row.pk,
        contact=row.contact,
        addresses=addresses,
        field=row.field,
        label=label_of(row.field),
        kind=row.kind,
        kind_label=row.get_kind_display(),
        state=row.state,
        state_label=row.get_state_display(),
        open=row.state == FieldConflict.State.OPEN,
        shown=shown(row.shown),
        shown_source=words.words(row.shown_source),
        shown_at=row.shown_at,
        other=shown(row.other),
        other_source=words.words(row.other_source),
        other_at=row.other_at,
    )


def _people(ids: set[Any]) -> dict[int, str]:
    known = [value for value in ids if isinstance(value, int)]
    return {user.pk: str(user) for user in User.objects.filter(pk__in=known)} if known else {}


def _addresses(contact_ids: Sequence[int]) -> dict[int, str]:
    """Up to two addresses of each person, to know whom one is looking at."""
    found: dict[int, list[str]] = {}
    for identity in Identity.objects.filter(contact_id__in=contact_ids, valid_to=None).order_by("kind", "pk"):
        found.setdefault(identity.contact_id, []).append(str(identity))
    return {pk: " · ".join(values[:2]) for pk, values in found.items()}


@dataclass(frozen=True, slots=True)
class Progress:
    decided_today: int
    waiting: int


def progress_of(user: User) -> Progress:
    today = timezone.localtime(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    decided = FieldConflict.objects.filter(decided_by=user, decided_at__gte=today).count()
    return Progress(decided, FieldConflict.objects.filter(state=FieldConflict.State.OPEN).count())


@access.done_with(access.DECIDE_DIFFERENCES)
def decide(request: HttpRequest, pk: int, answer: str) -> HttpResponse:
    """`answer`: confirm (what is shown is right) or revert (the other value is). Who comes second is told what the first said."""
    conflict = get_object_or_404(access.seen(request, FieldConflict.objects.select_related("contact")), pk=pk)
    user = person(request)
    if conflict.state in MINE and conflict.decided_by_id == user.pk:
        conflict = differences.reopen(conflict, by=user)
    decided = (differences.confirm if answer == "confirm" else differences.revert)(conflict, by=user)
    notice = "" if decided.decided_by_id == user.pk else _decided_by(decided)
    return _answered(request, decided.pk, reverse("console:differences"), notice=notice)


def _decided_by(conflict: FieldConflict) -> str:
    if conflict.decided_by is None:
        return _("This has settled by itself meanwhile.")
    return _("%(name)s has decided this already.") % {"name": conflict.decided_by}


@access.done_with(access.MAKE_RULES)
def make_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """`prefer`: who decides this field from now on, for everybody."""
    conflict = get_object_or_404(access.seen(request, FieldConflict.objects.select_related("contact")), pk=pk)
    back, prefer = reverse("console:differences"), request.POST.get("prefer", "")
    if prefer not in FieldRule.Prefer.values:
        return answers.refused(request, back, _("Choose who decides this field."))
    waiting = _waiting(conflict.field)
    differences.make_rule(conflict, prefer, by=person(request))
    settled = max(0, waiting - _waiting(conflict.field))
    notice = ngettext("The rule settled %(number)s difference.", "The rule settled %(number)s differences.", settled) % {"number": settled}
    return _answered(request, conflict.pk, back, notice=notice, reload=settled > 1)


def _waiting(field: str) -> int:
    return FieldConflict.objects.filter(field=field, state=FieldConflict.State.OPEN).count()


@access.done_with(access.MAKE_RULES)
def drop_rule(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(FieldRule, pk=pk)
    rule.delete()
    notice = _("The rule for “%(field)s” is gone: from now on the later change wins again.") % {"field": label_of(rule.field)}
    return answers.done(request, reverse("console:differences"), notice)


def _answered(request: HttpRequest, pk: int, back: str, notice: str = "", **more: object) -> HttpResponse:
    if not answers.by_script(request):
        return answers.done(request, back, notice)
    row = rows_of([FieldConflict.objects.select_related("contact").get(pk=pk)])[0]
    context = {"row": row, "may_decide": True, "may_rule": request.user.has_perm(access.MAKE_RULES), "prefer": FieldRule.Prefer.choices}
    progress = progress_of(person(request))
    html = render_to_string("console/review/conflict.html", context, request=request)
    return answers.done(request, back, notice, row=html, decided=progress.decided_today, waiting=progress.waiting, **more)
