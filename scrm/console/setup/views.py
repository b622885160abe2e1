"""One page a step. Nothing is written to a CRM before the last one, and every step can be come back to."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.errors import ConnectorError
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.connections.sentences import worded
from scrm.console.access import person
from scrm.console.setup import wording
from scrm.console.setup.forms import FORM, AccountForm, free_slug, made_by
from scrm.console.setup.steps import steps_of, tested
from scrm.intake.models import InboundEvent
from scrm.staff.models import User
from scrm.sync import initial, onboarding, payloads
from scrm.sync.kinds import Kind
from scrm.sync.models import FieldMapping

PROVIDER_OF = {"line": "line", "chatapi": "chatapi"}
GROUPS = (
    ("channel", gettext_noop("Where customers write")),
    ("crm", gettext_noop("Where customers are kept")),
    ("geocoder", gettext_noop("Postal codes")),
)


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    return render(request, f"console/setup/{template}.html", {**admin.site.each_context(request), "title": title, **context})


def choose(request: HttpRequest) -> HttpResponseBase:
    """Everything that can be connected, with what one needs to have ready."""
    groups = [
        (_(heading), [(slug, wording.name_of(slug), *wording.introduction_of(slug)) for slug in connections.adapters(kind)])
        for kind, heading in GROUPS
    ]
    open_ones = Connection.objects.filter(state__in=["paused", "needs_login", "misconfigured"]).defer("secrets").order_by("-pk")[:10]
    return _page(request, "choose", _("Connect something"), groups=groups, open_ones=open_ones)


def new(request: HttpRequest, adapter: str) -> HttpResponseBase:
    kind = next((kind for kind, _heading in GROUPS if adapter in connections.adapters(kind)), None)
    if kind is None:
        raise Http404
    form = AccountForm(request.POST or None, adapter=adapter)
    if request.method == "POST" and form.is_valid():
        row = _make(form, adapter, kind, request)
        return tested(request, row)
    symbol, words = wording.introduction_of(adapter)
    return _page(request, "account", wording.name_of(adapter), form=form, words=words, symbol=symbol, found_at=wording.found_at(adapter))


def _make(form: AccountForm, adapter: str, kind: str, request: HttpRequest) -> Connection:
    """One connection for one form, however often it is sent: by a second press, or from the page before in the browser."""
    with transaction.atomic():
        by = User.objects.select_for_update(of=("self",)).get(pk=person(request).pk)
        known = made_by(form.once, adapter=adapter, owner=by)
        if known is not None and onboarding.is_live(known):
            return known
        row = connections.upsert_connection(
            known.slug if known is not None else free_slug(form.cleaned_data["label"], adapter),
            label=form.cleaned_data["label"],
            kind=kind,
            adapter=adapter,
            country=form.cleaned_data["country"],
            time_zone=form.zone,
            settings=form.settings,
            secrets={name: value for name, value in form.secrets.items() if value},
            owner=by,
        )
        connections.remember_facts(row, {FORM: form.once or None})
        if kind == Connection.Kind.CRM:
            onboarding.begin(row, by=by)
    connections.forget()
    return row


def account(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = _connection(pk)
    form = AccountForm(request.POST or None, adapter=row.adapter, connection=row)
    if request.method == "POST" and form.is_valid():
        connections.upsert_connection(row.slug, label=form.cleaned_data["label"], country=form.cleaned_data["country"], time_zone=form.zone)
        connections.save_credentials(row, settings=form.settings, secrets=form.secrets)
        connections.forget()
        return tested(request, _connection(pk))
    symbol, words = wording.introduction_of(row.adapter)
    found_at = wording.found_at(row.adapter)
    steps = steps_of(row, "account")
    return _page(request, "account", row.label, form=form, words=words, symbol=symbol, found_at=found_at, row=row, steps=steps)


def overview(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = _connection(pk)
    channel = row.kind == Connection.Kind.CHANNEL
    load = initial.progress(row)
    context: dict[str, Any] = {"row": row, "steps": steps_of(row, ""), "load": load, "live": onboarding.is_live(row)}
    if channel:
        context["webhook"] = settings.PUBLIC_URL.rstrip("/") + _hook(row)
        context["verify_token"] = (row.secrets or {}).get("verify_token", "")
        context["heard"] = InboundEvent.objects.filter(connection=row).order_by("-pk").values_list("received_at", flat=True).first()
    return _page(request, "overview", row.label, **context)


def _hook(row: Connection) -> str:
    return reverse("intake:webhook", args=[PROVIDER_OF.get(row.adapter, "whatsapp"), row.slug])


def fields(request: HttpRequest, pk: int, kind: str = Kind.CONTACT.value) -> HttpResponseBase:
    """Which fields go together. What is suggested is marked, and nothing is saved before a person has seen it."""
    row = _crm(pk)
    try:
        known = onboarding.kinds(row)
        if kind not in known:
            raise Http404
        described = onboarding.schema(row, fresh="again" in request.GET)[kind]
        if request.method == "POST":
            return _save(request, row, kind, known)
        lines = _lines(row, kind)
    except ConnectorError as error:
        messages.error(request, _("The fields cannot be read: %(reason)s") % {"reason": worded(str(error))})
        return redirect("console:setup-account", row.pk)
    choices = sorted(
        ((each.name, each.label or each.name, each.writable) for each in described.fields), key=lambda each: each[1].casefold()
    )
    tabs = [(each, Kind(each).label, each == kind) for each in known]
    return _page(
        request, "fields", row.label, row=row, kind=kind, tabs=tabs, lines=lines, choices=choices, steps=steps_of(row, "fields"),
        directions=FieldMapping.Direction.choices,
    )  # fmt: skip


def _lines(row: Connection, kind: str) -> list[dict[str, Any]]:
    stored = {each.source: each for each in FieldMapping.objects.filter(connection=row, kind=kind)}
    offered = {} if stored else {each.source: each for each in onboarding.suggestions(row, kind)}
    lines = []
    for source in [*payloads.SOURCES[kind], *(each for each in stored if each not in payloads.SOURCES[kind])]:
        mapping, guess = stored.get(source), offered.get(source)
        target = mapping.target if mapping else guess.target if guess else ""
        direction = mapping.direction if mapping else onboarding.suggested_direction(row, kind, guess) if guess else "out"
        lines.append(
            {
                "source": source,
                "label": wording.field_label(source),
                "target": target,
                "direction": direction,
                "guessed": guess is not None and not guess.certain,
                "mapping": mapping,
            }
        )
    return lines


def _save(request: HttpRequest, row: Connection, kind: str, known: list[str]) -> HttpResponse:
    allowed = {each.name for each in onboarding.schema(row)[kind].fields}
    stored = set(FieldMapping.objects.filter(connection=row, kind=kind).values_list("source", flat=True))
    chosen: dict[str, tuple[str, str]] = {}
    for source in dict.fromkeys([*payloads.SOURCES[kind], *sorted(stored)]):
        target = request.POST.get(f"target-{source}", "")
        direction = request.POST.get(f"direction-{source}", "out")
        if target in allowed and direction in FieldMapping.Direction.values:
            chosen[source] = (target, direction)
    try:
        onboarding.save_fields(row, kind, chosen, by=person(request))
    except onboarding.TwiceTheSame as error:
        messages.error(request, _("More than one field would be written to: %(fields)s. Choose one for each.") % {"fields": error})
        return redirect("console:setup-fields-of", row.pk, kind)
    messages.success(request, _("Saved."))
    following = known[known.index(kind) + 1 :]
    if following and "next" in request.POST:
        return redirect("console:setup-fields-of", row.pk, following[0])
    return redirect("console:setup-look", row.pk)


def look(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A real person side by side, and the counts of what would happen. Writes nothing anywhere."""
    row = _crm(pk)
    try:
        lines, foreseen = onboarding.look(row)
    except ConnectorError as error:
        messages.error(request, _("The records cannot be read: %(reason)s") % {"reason": worded(str(error))})
        return redirect("console:setup-account", row.pk)
    shown = [(wording.field_label(each.source), each, dict(FieldMapping.Direction.choices)[each.direction]) for each in lines]
    compared = [(wording.field_label(source), *counts) for source, counts in foreseen.fields.items()]
    return _page(
        request, "look", row.label, row=row, lines=shown, foreseen=foreseen, compared=compared, steps=steps_of(row, "look"),
        live=onboarding.is_live(row),
    )  # fmt: skip


def go_live(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = _crm(pk)
    onboarding.go_live(row, by=person(request))
    messages.success(request, _("%(name)s is live.") % {"name": row.label})
    return redirect("console:setup-overview", row.pk)


def _connection(pk: int) -> Connection:
    return get_object_or_404(Connection, pk=pk)


def _crm(pk: int) -> Connection:
    return get_object_or_404(Connection, pk=pk, kind=Connection.Kind.CRM)
