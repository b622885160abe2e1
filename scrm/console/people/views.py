"""What happened to a person, what was decided about them, and entering what they allowed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.console.access import person as staff
from scrm.console.access import seen
from scrm.console.inbox import profile
from scrm.console.people import history
from scrm.console.people.consent_words import standing
from scrm.contacts import consents
from scrm.contacts.family import family_of
from scrm.contacts.models import Consent, Contact, Identity

LIFT = "contacts.change_consent"
DECISIONS = 50


def somebody(request: HttpRequest, pk: int) -> Contact:
    """The person behind a record, merged or not, whom the reader may see."""
    contact = seen(request, Contact.objects.select_related("merged_into")).filter(pk=pk).first()
    if contact is None:
        raise Http404
    return contact.merged_into or contact


def draw(request: HttpRequest, template: str, contact: Contact, title: str, **context: Any) -> HttpResponse:
    shared = {**admin.site.each_context(request), "title": title, "person": contact}
    return render(request, f"console/people/{template}.html", {**shared, **context})


def history_page(request: HttpRequest, pk: int) -> HttpResponse:
    contact = somebody(request, pk)
    form = Narrowing(request.GET)
    wanted = form.wanted(request.GET.get("before", ""))
    kept = {name: request.GET[name] for name in ("kind", "since", "until", "q") if request.GET.get(name)}
    groups = [(name, label, urlencode({**kept, "kind": name})) for name, (label, _rows) in history.GROUPS.items()]
    page = history.page_of(family_of(contact), wanted, staff(request))
    older = urlencode({**kept, "before": page.older}) if page.older else ""
    context = {"form": form, "page": page, "older": older, "groups": groups, "group": wanted.group, "wanted": wanted}
    return draw(request, "timeline", contact, _("Timeline: %(name)s") % {"name": contact}, **context)


def _day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class Narrowing(forms.Form):
    kind = forms.CharField(required=False, widget=forms.HiddenInput)
    since = forms.DateField(
        label=gettext_lazy("first day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=gettext_lazy("last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    q = forms.CharField(label=gettext_lazy("words"), required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"}))

    def wanted(self, before: str) -> history.Wanted:
        """What cannot be read narrows nothing; the form says so beside the field."""
        self.is_valid()
        given: Mapping[str, Any] = getattr(self, "cleaned_data", {})
        group = str(given.get("kind") or "")
        return history.Wanted(
            group=group if group in history.GROUPS else "",
            since=_day(given.get("since")),
            until=_day(given.get("until")),
            words=str(given.get("q") or "").strip(),
            before=history.cursor_from(before),
        )


def _day(value: Any) -> date | None:
    return value if isinstance(value, date) and 1970 <= value.year < 9000 else None


def decisions(request: HttpRequest, pk: int) -> HttpResponse:
    contact = somebody(request, pk)
    return draw(request, "decisions", contact, _("Decisions: %(name)s") % {"name": contact}, why=profile.why_of(contact, limit=DECISIONS))


class ConsentForm(forms.Form):
    """What the person said, about what, and how they said it."""

    address = forms.ChoiceField(label=gettext_lazy("address"))
    purpose = forms.ChoiceField(label=gettext_lazy("about"), choices=Consent.Purpose.choices)
    allowed = forms.ChoiceField(
        label=gettext_lazy("the person"), choices=[("no", gettext_lazy("declined")), ("yes", gettext_lazy("allowed"))]
    )
    evidence = forms.CharField(
        label=gettext_lazy("how they told us"),
        max_length=300,
        help_text=gettext_lazy("A letter, a call, a form in the shop, with its date. It is kept as the proof."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, identities: list[Identity], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        each = [(str(row.pk), f"{row} · {row.get_kind_display()}") for row in identities]
        self.fields["address"].choices = [("", gettext_lazy("all addresses")), *each]  # type: ignore[attr-defined]
        self.fields["address"].required = False


def consent(request: HttpRequest, pk: int) -> HttpResponse:
    contact = somebody(request, pk)
    identities = list(contact.identities.filter(valid_to=None).order_by("kind", "pk"))
    may_lift = request.user.has_perm(LIFT)
    form = ConsentForm(identities, request.POST or None)
    if request.method == "POST" and form.is_valid() and _entered(request, contact, form, may_lift):
        return redirect("admin:contacts_contact_change", contact.pk)
    ledger = consents.history_of(contact)
    now = [standing(each) for each in consents.effective(identities, ledger)]
    context = {"form": form, "consent": now, "may_lift": may_lift, "consent_rows": ledger}
    return draw(request, "consent", contact, _("Consent: %(name)s") % {"name": contact}, **context)


def _entered(request: HttpRequest, contact: Contact, form: ConsentForm, may_lift: bool) -> bool:
    given = form.cleaned_data
    try:
        consents.enter_by_hand(
            contact,
            address=int(given["address"]) if given["address"] else None,
            purpose=given["purpose"],
            allowed=given["allowed"] == "yes",
            evidence=given["evidence"],
            by=staff(request),
            may_lift=may_lift,
            request=request,
        )
    except consents.CannotEnter as problem:
        form.add_error(None, str(problem))
        return False
    held = list(contact.identities.filter(valid_to=None))
    told = " · ".join(standing(each).title for each in consents.effective(held))
    messages.success(request, _("Entered. For the person as a whole now holds: %(state)s") % {"state": told})
    return True
