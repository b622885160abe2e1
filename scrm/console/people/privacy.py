"""A person's rights over their data: a copy of everything, erasure, and the legal hold that keeps erasure waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from scrm.console.access import person as staff
from scrm.console.people import views
from scrm.console.people.facts import rights
from scrm.contacts.family import family_of
from scrm.contacts.histories import histories
from scrm.contacts.models import Contact, Erasure, Identity, LegalHold, PersonExport
from scrm.contacts.privacy import erasure, exports
from scrm.core import audit
from scrm.core.security import storable

LISTED = 5
LEAST_REASON = 5


@dataclass(frozen=True, slots=True)
class Going:
    label: str
    total: int


def page(request: HttpRequest, pk: int) -> HttpResponse:
    contact = views.somebody(request, pk)
    family = family_of(contact)
    context = {
        **rights(request),
        "exports": list(PersonExport.objects.filter(contact__in=family).select_related("by").order_by("-pk")[:LISTED]),
        "holds": list(LegalHold.objects.filter(contact__in=family).order_by("-pk")[:LISTED]),
        "held": erasure.is_held(family),
        "erasing": Erasure.objects.filter(contact_id__in=family).exclude(state="done").first(),
    }
    return views.draw(request, "privacy", contact, _("Personal data: %(name)s") % {"name": contact}, **context)


def _reason(request: HttpRequest) -> str:
    """What was given as the reason; empty, with a notice, when that says nothing."""
    reason = str(storable(request.POST.get("reason", ""))).strip()[:300]
    if len(reason) < LEAST_REASON:
        messages.error(request, _("Say why: the reason stays on record. Nothing was done."))
        return ""
    return reason


def _back(contact: Contact) -> HttpResponse:
    return redirect("console:person-privacy", contact.pk)


def ask_export(request: HttpRequest, pk: int) -> HttpResponse:
    contact = views.somebody(request, pk)
    if reason := _reason(request):
        exports.ask(contact, by=staff(request), reason=reason, request=request)
        messages.success(request, _("The export is being made. Load this page again in a moment."))
    return _back(contact)


def fetch_export(request: HttpRequest, pk: int, export: int) -> HttpResponseBase:
    contact = views.somebody(request, pk)
    rows = PersonExport.objects.filter(contact__in=family_of(contact), state=PersonExport.State.READY)
    row = rows.filter(pk=export).first()
    if row is None or not row.file:
        raise Http404
    try:
        file = exports.path_of(row).open("rb")
    except FileNotFoundError:
        messages.error(request, _("The file is not on this host any more. Ask for a new export."))
        return _back(contact)
    audit.record("contacts.export_fetched", by=staff(request), subject=contact, after={"export": row.pk}, request=request)
    return FileResponse(file, as_attachment=True, filename=f"contact-{contact.pk}-{row.asked_at:%Y-%m-%d}.zip")


def set_hold(request: HttpRequest, pk: int) -> HttpResponse:
    contact = views.somebody(request, pk)
    if reason := _reason(request):
        erasure.set_hold(contact.pk, by=staff(request).get_username(), reason=reason)
        messages.success(request, _("While the hold stands, nothing of this person is erased or expires."))
    return _back(contact)


def lift_hold(request: HttpRequest, pk: int) -> HttpResponse:
    contact = views.somebody(request, pk)
    waiting = Erasure.objects.filter(contact_id__in=family_of(contact), state="held").exists()
    if erasure.lift_hold(contact.pk, by=staff(request).get_username()):
        begun = _("The hold has ended, and the erasure that waited for it has begun.")
        messages.success(request, begun if waiting else _("The hold has ended."))
    else:
        messages.warning(request, _("No hold stands any more: somebody else has lifted it."))
    return redirect("admin:contacts_contact_changelist") if waiting else _back(contact)


def erase(request: HttpRequest, pk: int) -> HttpResponse:
    """Asked first with what goes and what stays; done by a post that names the contact's number."""
    contact = views.somebody(request, pk)
    family = family_of(contact)
    typed = request.POST.get("typed", "").strip()
    if request.method == "POST":
        if typed != str(contact.pk):
            messages.error(request, _("The number does not fit. Nothing was done."))
        elif reason := _reason(request):
            return _begun(request, erasure.begin(contact.pk, by=staff(request).get_username(), reason=reason))
    context = {**_preview(family), "held": erasure.is_held(family), "typed": typed, "reason": request.POST.get("reason", "")}
    return views.draw(request, "erase", contact, _("Erase everything about %(name)s?") % {"name": contact}, **context)


def _begun(request: HttpRequest, row: Erasure) -> HttpResponse:
    if row.state == Erasure.State.HELD:
        messages.warning(request, _("A legal hold stands. The erasure is on record and begins when the hold is lifted."))
    else:
        messages.success(request, _("The erasure has begun and goes on in the background. Its progress stands in the list of erasures."))
    return redirect("admin:contacts_contact_changelist")


def _preview(family: list[int]) -> dict[str, Any]:
    """What is counted here is counted for this page alone; nothing is tried out."""
    identities = Identity.objects.filter(contact__in=family)
    counted = [Going(str(each.label), each.count(family)) for each in histories() if each.counted]
    return {
        "going": [Going(_("records of this person"), len(family)), Going(_("addresses"), identities.count()), *counted],
        "addresses": list(identities.order_by("pk")[:20]),
        "declined": identities.filter(opted_out_at__isnull=False).exists()
        or identities.filter(marketing_opted_out_at__isnull=False).exists(),
    }
