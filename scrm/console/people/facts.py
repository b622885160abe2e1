"""Everything that hangs on one person, for their page: over all records that were merged into them, with a bounded number of statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from scrm.commerce.orders import orders_of
from scrm.console import merges
from scrm.console.inbox import profile
from scrm.console.people.consent_words import Standing, standing
from scrm.console.people.definitions import GRADES, TONES, definitions
from scrm.console.review.sources import Sources
from scrm.console.review.table import shown_value
from scrm.contacts import consents
from scrm.contacts.family import family_of
from scrm.contacts.fields_rules import is_blank
from scrm.contacts.matching import words
from scrm.contacts.models import Consent, Contact, DuplicateCandidate, FieldConflict, Identity, LegalHold
from scrm.contacts.records import at_of, fields_of, label_of, standing_of
from scrm.conversations.models import Conversation
from scrm.conversations.visibility import visible_to
from scrm.staff.models import User
from scrm.sync.models import PostalCompletion
from scrm.tags.portrait import portrait_of

LISTED = 10
PROOFS = 3


@dataclass(frozen=True, slots=True)
class FieldFact:
    """One value that is shown, who said it and when; `others`: what other sources last said that differs."""

    label: str
    value: str
    source: str
    at: datetime
    by: str
    others: tuple[tuple[str, str, datetime], ...]


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Somebody who may be the same person. `case`: the open question, 0 when none stands."""

    contact: Contact
    percent: int
    proofs: tuple[str, ...]
    case: int


def whole_contact(contact: Contact, reader: User) -> dict[str, Any]:
    """For the page below and above the form; about a dozen statements, see the test."""
    family = family_of(contact)
    conversations = list(
        visible_to(Conversation.objects.all(), reader)
        .filter(identity__contact__in=family)
        .select_related("connection", "assignee")
        .order_by("-last_message_at", "-pk")[:LISTED]
    )
    identities = list(Identity.objects.filter(contact__in=family).order_by("valid_to", "kind", "-valid_from"))
    ledger = consents.history_of(contact)
    portrait = portrait_of(contact)
    return {
        "person": contact,
        "portrait": portrait,
        "grade_name": GRADES[portrait.grade],
        "grade_tone": TONES[portrait.grade],
        "definitions": definitions(),
        "identities": sorted(identities, key=lambda row: row.valid_to is not None),
        "consent": _consent(identities, ledger),
        "consent_rows": ledger,
        "facts": facts_of(contact),
        "current_tags": profile.tags_of(contact),
        "orders": list(orders_of(contact).prefetch_related("shipments")[:LISTED]),
        "conversations": conversations,
        "records": profile.records_of(contact, [row.pk for row in conversations]),
        "sales": profile.sales_of(contact, LISTED),
        "lookalikes": lookalikes(family, reader),
        "differences": FieldConflict.objects.filter(contact__in=family, state="open").count(),
        "holds": list(LegalHold.objects.filter(contact__in=family, lifted_at=None)),
        "merges": merges.standing_in(contact),
        "completion": _completion(contact),
    }


def _consent(identities: list[Identity], ledger: list[Consent]) -> tuple[Standing, Standing]:
    everything, promotions = consents.effective(identities, ledger)
    return standing(everything), standing(promotions)


def facts_of(contact: Contact) -> list[FieldFact]:
    """The filled fields, in the order of the form. At most one statement, for the names of connections."""
    shown = [(name, standing_of(contact, name)) for name in fields_of(contact)]
    shown = [(name, field) for name, field in shown if not is_blank(field.value) and (field.entry or field.value != field.default)]
    sources = Sources(source for _name, field in shown for source in (field.source, *(field.entry.seen if field.entry else ())))
    return [_fact(contact, name, field, sources) for name, field in shown]


def _fact(contact: Contact, name: str, field: Any, sources: Sources) -> FieldFact:
    seen = field.entry.seen if field.entry else {}
    others = tuple(
        (sources.words(source), str(value), at_of(at))
        for source, (value, at) in sorted(seen.items(), key=lambda pair: -pair[1][1])
        if source != field.source and not is_blank(value) and str(value) != str(field.value)
    )
    by = field.entry.by if field.entry else ""
    return FieldFact(label_of(name), shown_value(contact, name), sources.words(field.source), at_of(field.at), by, others)


def lookalikes(family: list[int], reader: User) -> list[Lookalike]:
    """The likeliest first; pairs within the family are decided already."""
    mine = Q(first__in=family) | Q(second__in=family)
    rows = visible_to(DuplicateCandidate.objects.asked(), reader).filter(mine).select_related("first", "second")
    found = []
    for row in rows.order_by("-score", "pk")[:LISTED]:
        other = row.second if row.first_id in family else row.first
        if other.pk not in family:
            proofs = tuple(words.sentence(item) for item in row.evidence[:PROOFS])
            found.append(Lookalike(other, min(99, round(row.score * 100)), proofs, row.case_id or 0))
    return found


def _completion(contact: Contact) -> PostalCompletion | None:
    """How the postal code was found, when it was found by the product itself."""
    if standing_of(contact, "postal_code").source != "geocoder":
        return None
    return PostalCompletion.objects.filter(contact=contact, state=PostalCompletion.State.DONE).first()


def rights(request: HttpRequest) -> dict[str, bool]:
    """What the reader may do on the page, besides what the form allows."""
    user = request.user
    return {
        "may_undo": user.has_perm("contacts.undo_merge"),
        "may_consent": user.has_perm("contacts.add_consent"),
        "may_see_cases": user.has_perm("contacts.view_duplicatecase"),
        "may_see_differences": user.has_perm("contacts.view_fieldconflict"),
        "may_export": user.has_perm("contacts.export_person"),
        "may_erase": user.has_perm("contacts.erase_person"),
        "may_hold": user.has_perm("contacts.hold_person"),
    }
