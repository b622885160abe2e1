"""The page on which a supervisor decides whether several records are one person: evidence, values side by side, effect, one key an answer.

The next case is fetched while the present one is looked at, so that it stands there the moment a key is pressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from scrm.console import access
from scrm.console.access import person
from scrm.console.review import answers, table
from scrm.contacts import effects
from scrm.contacts.matching import cases, words
from scrm.contacts.models import Contact, DuplicateCandidate, DuplicateCase, Merge
from scrm.contacts.records import is_field

MOST_MEMBERS = 12


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence in a sentence; `for_it`: speaks for one person. `strength` 1 to 3; `between`: "1 ↔ 2, 2 ↔ 3" among several."""

    sentence: str
    for_it: bool
    strength: int
    between: str


@access.seen_with(access.SEE_CASES)
def page(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """The case asked for, or the next one."""
    case = _case(request, pk) if pk else cases.next_case(person(request), among=access.seen(request, DuplicateCase.objects.all()))
    if case is not None and case.state in {DuplicateCase.State.DONE, DuplicateCase.State.GONE} and pk:
        return render(request, "console/review/case_page.html", {**_shell(request), "closed": case, "merges": _merges_of(case)})
    context = _shell(request) | (about(request, case) if case is not None else {})
    return render(request, "console/review/case_page.html", context)


def _seen(request: HttpRequest) -> QuerySet[DuplicateCase]:
    return access.seen(request, DuplicateCase.objects.all())


def _case(request: HttpRequest, pk: int) -> DuplicateCase:
    return get_object_or_404(_seen(request), pk=pk)


def _shell(request: HttpRequest) -> dict[str, Any]:
    progress = cases.progress_of(person(request), timezone.localdate())
    return {**admin.site.each_context(request), "title": _("Duplicates"), "progress": progress}


@access.seen_with(access.SEE_CASES)
def following(request: HttpRequest) -> HttpResponse:
    """The next case as a fragment. `not`: ids that the page holds already, separated by commas."""
    held = [int(word) for word in request.GET.get("not", "").split(",") if word.isdecimal()][:50]
    case = cases.next_case(person(request), skip=held, among=_seen(request))
    if case is None:
        return JsonResponse({"id": None, "html": ""})
    return JsonResponse({"id": case.pk, "html": render_to_string("console/review/case.html", about(request, case), request=request)})


def about(request: HttpRequest, case: DuplicateCase) -> dict[str, Any]:
    """Everything that one case shows; the number of statements does not grow with its members."""
    pairs = list(case.candidates.filter(state=DuplicateCandidate.State.OPEN).order_by("-score"))
    members = _members(pairs)
    columns = table.columns_of(members)
    survivor = max(columns, key=_standing).contact.pk if columns else 0
    numbers = {column.contact.pk: column.number for column in columns}
    return {
        "case": case,
        "columns": columns,
        "lines": table.lines_of(members),
        "survivor": survivor,
        "proofs": proofs_of(pairs, numbers),
        "effect": effect_of(survivor, [member.pk for member in members if member.pk != survivor], {}),
        "may_decide": request.user.has_perm(access.DECIDE_CASES),
        "percent": min(99, round(case.score * 100)),  # nobody is ever certain
    }


def _members(pairs: Sequence[DuplicateCandidate]) -> list[Contact]:
    ids = {pk for pair in pairs for pk in (pair.first_id, pair.second_id)}
    found = Contact.objects.current().filter(pk__in=ids).select_related("owner").order_by("pk")
    return list(found[:MOST_MEMBERS])


def _standing(column: table.Column) -> tuple[int, int, int, int]:
    """Which record is kept when nobody says otherwise: the one that the CRM knows, then the one with most talk, then the oldest."""
    return (len(column.records), column.messages, column.orders, -column.contact.pk)


def proofs_of(pairs: Sequence[DuplicateCandidate], numbers: Mapping[int, int]) -> list[Proof]:
    """The evidence of all pairs, what speaks against first, each sentence once with the numbers of the records that it is about."""
    many = len(numbers) > 2
    found: dict[tuple[str, bool], Proof] = {}
    for pair in pairs:
        between = f"{numbers.get(pair.first_id, '?')} ↔ {numbers.get(pair.second_id, '?')}" if many else ""
        same_day = any(item.get("code") == "same_day" for item in pair.evidence)
        for item in pair.evidence:
            if same_day and item.get("code") == "same_sku" and not (item.get("with") or {}).get("days"):
                continue  # said already
            sentence = words.sentence(item)
            strength = min(3, max(1, round(abs(float(item.get("weight", 0))) / 3)))
            known = found.get((sentence, bool(item.get("for"))), Proof(sentence, bool(item.get("for")), strength, ""))
            pairs_of_it = ", ".join(dict.fromkeys(filter(None, (*known.between.split(", "), between))))
            found[sentence, known.for_it] = replace(known, strength=max(strength, known.strength), between=pairs_of_it)
    return sorted(found.values(), key=lambda proof: (proof.for_it, -proof.strength))


def effect_of(survivor: int, duplicates: Sequence[int], choices: Mapping[int, Mapping[str, Any]]) -> effects.Effect | None:
    return effects.preview(survivor, sorted(duplicates), choices) if survivor and duplicates else None


@access.done_with(access.SEE_CASES)
def effect(request: HttpRequest, pk: int) -> HttpResponse:
    """What the choice on the page would do, before it is saved."""
    case = _case(request, pk)
    choice = _choice(request, case)
    foreseen = effect_of(choice.survivor, choice.duplicates, choice.choices)
    return HttpResponse(render_to_string("console/review/effect.html", {"effect": foreseen, "chosen": choice.members}, request=request))


@dataclass(frozen=True, slots=True)
class Choice:
    """What the form says: who survives, who belongs to it, and which record gives each field ({field: record})."""

    survivor: int
    members: list[int]
    givers: dict[str, int]

    @property
    def duplicates(self) -> list[int]:
        """In the order in which they are merged."""
        return sorted(pk for pk in self.members if pk != self.survivor)

    @property
    def choices(self) -> dict[int, dict[str, dict[str, str]]]:
        """As `merging` takes them: the giver's value counts when it comes, and stays when the records after it come."""
        found: dict[int, dict[str, dict[str, str]]] = {pk: {} for pk in self.duplicates}
        for name, giver in self.givers.items():
            for pk in self.duplicates:
                if pk == giver:
                    found[pk][name] = {"from": "duplicate"}
                elif giver == self.survivor or pk > giver:
                    found[pk][name] = {"from": "survivor"}
        return found


def _choice(request: HttpRequest, case: DuplicateCase) -> Choice:
    known = {pk for pair in case.candidates.all() for pk in (pair.first_id, pair.second_id)}
    members = [pk for pk in map(_number, request.POST.getlist("member")) if pk in known]
    survivor = _number(request.POST.get("survivor", ""))
    if survivor not in members:
        survivor = members[0] if members else 0
    given = ((name.removeprefix("field_"), _number(str(value))) for name, value in request.POST.items() if name.startswith("field_"))
    return Choice(survivor, members, {name: pk for name, pk in given if pk in members and is_field(name)})


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


@access.done_with(access.DECIDE_CASES)
def decide(request: HttpRequest, pk: int, verdict: str) -> HttpResponse:
    """One answer to one case. Who comes second is told what the first decided, and nothing is changed."""
    case = _case(request, pk)
    choice = _choice(request, case)
    back = reverse("console:duplicates")
    if verdict == "merge" and not choice.duplicates:
        return answers.refused(request, back, _("Tick at least two records that are one person."))
    try:
        decision = cases.decide(
            case,
            by=person(request),
            verdict=verdict,
            survivor=choice.survivor or None,
            members=choice.members or None,
            choices=choice.choices,
            reason=request.POST.get("reason", "").strip()[:300],
        )
    except ValidationError as error:
        return answers.refused(request, back, " ".join(error.messages), gone=True)
    progress = cases.progress_of(person(request), timezone.localdate())
    undo = [merge.pk for merge in decision.merges]
    answer = {"decided": progress.decided, "waiting": progress.waiting, "undo": undo, "case": case.pk}
    return answers.done(request, back, _notice(verdict, len(choice.members)), **answer)


def _notice(verdict: str, records: int) -> str:
    return {
        "merge": _("%(number)s records are one person now. Press u to take it back.") % {"number": records},
        "apart": _("Kept apart; these records are not proposed again."),
        "link": _("Linked: both stay records of their own."),
        "later": _("Put off until tomorrow."),
    }[verdict]


@access.done_with(access.DECIDE_CASES)
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo what was just decided: every merge of the case."""
    case = _case(request, pk)
    back = reverse("console:duplicate", args=[case.pk])
    try:
        cases.reopen(case, by=person(request))
    except ValidationError as error:
        return answers.refused(request, back, " ".join(error.messages))
    case.refresh_from_db()
    if not answers.by_script(request):
        return redirect(back)
    html = render_to_string("console/review/case.html", about(request, case), request=request)
    progress = cases.progress_of(person(request), timezone.localdate())
    return answers.done(
        request, back, _("Taken back: everything is as it was."), html=html, id=case.pk, decided=progress.decided, waiting=progress.waiting
    )


def _merges_of(case: DuplicateCase) -> list[Merge]:
    ids = {pk for pair in case.candidates.all() for pk in (pair.first_id, pair.second_id)}
    found = Merge.objects.filter(duplicate_id__in=ids, undone_at=None).select_related("survivor", "duplicate", "by")
    return list(found.order_by("-merged_at")[:20])
