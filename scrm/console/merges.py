"""Merges as people see them: which stand in a person, what taking one back will do, and taking it back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from scrm.console.access import seen
from scrm.contacts import effects, merging
from scrm.contacts.family import family_of
from scrm.contacts.models import Contact, Identity, Merge
from scrm.core.security import storable


def standing_in(contact: Contact) -> list[Merge]:
    """The merges in force within a person, the newest first; each with `name`, what its duplicate is called by itself."""
    if not contact.own:
        return []
    rows = Merge.objects.filter(undone_at=None, duplicate__in=family_of(contact)).select_related("duplicate", "by")
    return list(rows.order_by("-merged_at", "-id"))


def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Asked first with what will happen; done by a post."""
    row = get_object_or_404(seen(request, Merge.objects.select_related("survivor", "duplicate", "by", "undone_by")), pk=pk)
    if request.method == "POST":
        return _undone(request, row)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": _("Undo the merge?"), "row": row, **_about(row)}
    return render(request, "console/admin/undo_merge.html", context)


def _undone(request: HttpRequest, row: Merge) -> HttpResponse:
    try:
        merging.undo(
            row, by=request.user, keep_apart=bool(request.POST.get("keep_apart")), reason=storable(request.POST.get("reason", "")).strip()
        )
    except merging.CannotUndo as problem:
        messages.error(request, str(problem))
    else:
        words = _("%(name)s is a person of their own again, with everything that belongs to them.")
        messages.success(request, words % {"name": row.duplicate})
    return redirect("admin:contacts_contact_change", merging.root_of(row.duplicate_id))


def _about(row: Merge) -> dict[str, Any]:
    """What goes with the duplicate, and what each side may be sent afterwards."""
    if row.undone_at:
        return {"counts": []}
    root = merging.root_of(row.survivor_id)
    leaving = _below(row.duplicate_id)
    going = list(Identity.objects.filter(contact=root, home__in=leaving).order_by("pk"))
    staying = Identity.objects.filter(contact=root).exclude(pk__in=[each.pk for each in going])
    return {
        "going": going,
        "counts": effects.of_addresses(leaving, [each.pk for each in going]),
        "consent_going": effects.consent_words(going),
        "consent_staying": effects.consent_words(list(staying)),
        "others": len(leaving) - 1,
    }


def _below(pk: int) -> list[int]:
    """The record and all that show in it."""
    return [pk, *(Contact.objects.get(pk=pk).own or {}).get("family", ())]
