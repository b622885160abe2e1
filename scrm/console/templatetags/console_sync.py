"""Figures of the sync, as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_noop

from scrm.console.setup import wording
from scrm.core import clock
from scrm.sync.models import Kind, SaleState

# As the CRMs name them.
LIMITS = {
    "daily-remaining": gettext_noop("calls today"),
    "remaining": gettext_noop("calls in this interval"),
    "secondly-remaining": gettext_noop("calls in this second"),
    "api_left": gettext_noop("calls in 24 hours"),
    "credits_left": gettext_noop("credits in 24 hours"),
}

# The stages that every HubSpot account begins with, by the keys that it tells; other stages come in the CRM's own words.
DEAL_STAGES = {
    "appointmentscheduled": gettext_noop("Appointment scheduled"),
    "qualifiedtobuy": gettext_noop("Qualified to buy"),
    "presentationscheduled": gettext_noop("Presentation scheduled"),
    "decisionmakerboughtin": gettext_noop("Decision maker bought in"),
    "contractsent": gettext_noop("Contract sent"),
    "closedwon": gettext_noop("Closed won"),
    "closedlost": gettext_noop("Closed lost"),
}
TICKET_STAGES = {
    "1": gettext_noop("New case"),
    "2": gettext_noop("Waiting on contact"),
    "3": gettext_noop("Waiting on us"),
    "4": gettext_noop("Closed"),
}

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """0.987 as 98.7 %; a dash where nothing was counted."""
    return "–" if value is None else f"{number_format(round(value * 100, 1), 1)} %"


@register.filter
def limit_words(name: str) -> str:
    """A limit of a CRM in words; one that is not known here by the CRM's own name."""
    return gettext(LIMITS[name]) if name in LIMITS else name


@register.filter
def counted(value: str) -> str:
    """Digits in groups of three, as the reader's language has them; anything else as it is."""
    return number_format(int(value), force_grouping=True) if value.isascii() and value.isdigit() else value


@register.filter
def recent(moment: datetime) -> bool:
    """Less than a minute ago."""
    return clock.now() - moment < timedelta(minutes=1)


@register.filter
def stage_words(state: SaleState) -> str:
    """The stage of a deal or case as people know it."""
    known = {Kind.DEAL: DEAL_STAGES, Kind.CASE: TICKET_STAGES}.get(Kind(state.kind), {}) if state.connection.adapter == "hubspot" else {}
    return gettext(known[state.stage]) if state.stage in known else state.stage


@register.filter
def field_words(source: str) -> str:
    """A field of ours, as the set-up of a CRM names it."""
    return wording.field_label(source)
