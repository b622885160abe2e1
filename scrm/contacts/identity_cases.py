"""A supervisor's answer to an address that says two things: one person after all, or different people. Either can be taken back."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from scrm.contacts import events
from scrm.contacts.models import Contact, Event, Identity, IdentityCase
from scrm.contacts.recycling import SAID_BY_STAFF
from scrm.core import clock

State, Kind = IdentityCase.State, IdentityCase.Kind
MERGING = "scrm.contacts.merging"


class CannotAnswer(Exception):
    """Somebody was quicker, or the two cannot be joined; the text says which."""


def can_join() -> bool:
    """Whether joining people is part of this installation."""
    return find_spec(MERGING) is not None


def answer(case: IdentityCase, state: str, *, by: Any) -> IdentityCase:
    """Decide an open case once; `by` is the user. "same" joins the two people, and of a shared number says that one person uses it.

    "different" leaves everything as it is; a number that is said to have several users is marked as shared.
    """
    with transaction.atomic():
        taken = IdentityCase.objects.filter(pk=case.pk, state=State.OPEN)
        if not taken.update(state=state, decided_by=by.get_username(), decided_at=clock.now()):
            raise CannotAnswer(_("Somebody has answered this already."))
        case.refresh_from_db()
        if state == State.SAME:
            _join(case, by)
        elif case.kind == Kind.SHARED:
            _mark(case.identity, shared=True)
        _tell(case, {"answer": state, "by": by.get_username()})
    return case


def reopen(case: IdentityCase, *, by: Any) -> IdentityCase:
    """Take the answer back, with what it did."""
    with transaction.atomic():
        answered = IdentityCase.objects.filter(pk=case.pk).exclude(state=State.OPEN)
        merge = case.merge
        if not answered.update(state=State.OPEN, decided_by="", decided_at=None, merge=None):
            raise CannotAnswer(_("This is open already."))
        if case.kind == Kind.SHARED and case.state == State.SAME:
            _mark(case.identity, shared=True)
        if merge is not None and merge.undone_at is None:
            _call("undo", merge, by=by)
        _tell(case, {"answer": State.OPEN, "by": by.get_username()})
    case.refresh_from_db()
    return case


def _join(case: IdentityCase, by: Any) -> None:
    if case.kind == Kind.SHARED:
        _mark(case.identity, shared=False)
    survivor, duplicate = _root(case.other_id), _root(case.contact_id)
    if survivor.pk == duplicate.pk:
        return
    merge = _call("merge", survivor, duplicate, by=by, reason=case.get_kind_display())
    IdentityCase.objects.filter(pk=case.pk).update(merge=merge)


def _call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Joining people has many rules of its own; its refusals are worded there."""
    if not can_join():
        raise CannotAnswer(_("People cannot be joined here."))
    merging = import_module(MERGING)
    refusals = tuple(getattr(merging, error) for error in ("CannotMerge", "CannotUndo") if hasattr(merging, error))
    try:
        return getattr(merging, name)(*args, **kwargs)
    except refusals as refusal:
        raise CannotAnswer(str(refusal)) from refusal


def _root(contact_id: int) -> Contact:
    contact = Contact.objects.select_related("merged_into").get(pk=contact_id)
    return contact.merged_into or contact


def _mark(identity: Identity, *, shared: bool) -> None:
    """The number itself; rows that others have of it say the same."""
    rows = Identity.objects.filter(pk=identity.pk) | Identity.objects.filter(e164=identity.e164).exclude(e164="")
    if shared:
        rows.filter(shared_since=None).update(shared_since=clock.now(), shared_reason=SAID_BY_STAFF)
    else:
        rows.update(shared_since=None, shared_reason="")


def _tell(case: IdentityCase, data: dict[str, Any]) -> None:
    told = {"case": case.pk, "kind": case.kind, "address": case.detail.get("address", ""), **data}
    people = dict.fromkeys((case.contact_id, case.other_id))
    events.record([Event(contact_id=pk, kind="identity.answered", occurred_at=clock.now(), data=told) for pk in people])
