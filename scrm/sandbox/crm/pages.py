"""The CRM as its users see it: lists, the deal board, a record with its history, and changes by hand."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from .account import account, connection_settings
from .loopback import loopback_only
from .models import Record, Write
from .presentation import Card, fields, history, linked_cards, matching
from .records import Actor, archive, find, update
from .schema import DEAL_STAGES, OBJECT_TYPES, OWNERS, ObjectType
from .wire import ApiError

ROWS_PER_PAGE = 50
KIND_LABELS = {
    "contacts": gettext_lazy("Contacts"),
    "deals": gettext_lazy("Deals"),
    "communications": gettext_lazy("Communications"),
    "tickets": gettext_lazy("Tickets"),
    "notes": gettext_lazy("Notes"),
    "orders": gettext_lazy("Orders"),
    "products": gettext_lazy("Products"),
    "line_items": gettext_lazy("Line items"),
}


def _kind(name: str) -> ObjectType:
    if name not in OBJECT_TYPES:
        raise Http404(name)
    return OBJECT_TYPES[name]


def _record(kind: ObjectType, record_id: int) -> Record:
    try:
        return find(kind, str(record_id))
    except ApiError as error:
        raise Http404(error.message) from error


def _context(kind: ObjectType, **more: Any) -> dict[str, Any]:
    """What every page needs: the tabs with their counts, and the number of the last write for the live refresh."""
    counted = Record.objects.filter(archived=False, merged_into=None).values_list("object_type").annotate(number=Count("id"))
    counts = dict(counted)
    last = Write.objects.order_by("-id").first()
    return {
        "kind": kind.name,
        "kind_label": KIND_LABELS[kind.name],
        "tabs": [{"kind": name, "label": label, "count": counts.get(name, 0)} for name, label in KIND_LABELS.items()],
        "last_write": last,
        "latest": last.pk if last else 0,
        **more,
    }


@loopback_only
@require_GET
def listing(request: HttpRequest, kind: str = "contacts") -> HttpResponse:
    own = _kind(kind)
    words = request.GET.get("q", "").strip()
    cards = matching(own, words)
    board = kind == "deals" and request.GET.get("view") != "table"
    page = Paginator(cards, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = _context(own, q=words, page=page, total=len(cards), board=_board(cards) if board else None)
    return render(request, "sandbox/crm/board.html" if board else "sandbox/crm/list.html", context)


def _board(cards: list[Card]) -> list[dict[str, Any]]:
    """The deal stages with their deals; the fifty latest of each are shown, all are counted."""
    columns = []
    for stage in DEAL_STAGES:
        held = [card for card in cards if card.record.properties.get("dealstage") == stage.id]
        columns.append({"stage": stage, "cards": held[:ROWS_PER_PAGE], "count": len(held)})
    return columns


@loopback_only
@require_GET
def detail(request: HttpRequest, kind: str, record_id: int) -> HttpResponse:
    own = _kind(kind)
    record = _record(own, record_id)
    if record.pk != record_id:
        return HttpResponseRedirect(reverse("sandbox_crm:record", args=[kind, record.pk]))
    return _show(request, own, record)


def _show(request: HttpRequest, own: ObjectType, record: Record, *, error: str = "", wrong: str = "", status: int = 200) -> HttpResponse:
    every = fields(record)
    links = [{"kind": name, "label": KIND_LABELS[name], "cards": cards} for name, cards in linked_cards(record).items()]
    context = _context(
        own,
        card=Card(record),
        filled=[field for field in every if field.value],
        empty=[field for field in every if not field.value and field.editable],
        links=links,
        history=history(record),
        owners=OWNERS,
        error=error,
        wrong=wrong,
    )
    return render(request, "sandbox/crm/record.html", context, status=status)


def _person(request: HttpRequest) -> Actor:
    """Who acts on the page: one of the CRM's owners, chosen in the form."""
    names = {owner.id: owner.name for owner in OWNERS}
    return Actor(names.get(request.POST.get("as", ""), OWNERS[0].name), "CRM_UI")


@loopback_only
@require_POST
def edit(request: HttpRequest, kind: str, record_id: int) -> HttpResponse:
    """Change one property by hand, as a user of the CRM would; shows the reason on the same page when that is refused."""
    own = _kind(kind)
    record = _record(own, record_id)
    name = request.POST.get("property", "")
    try:
        update(record, {name: request.POST.get("value", "").replace("\r\n", "\n").strip()}, kind=own, by=_person(request))
    except ApiError as error:
        said = "; ".join(str(entry["message"]) for entry in error.errors) or error.message
        return _show(request, own, _record(own, record_id), error=said, wrong=name, status=400)
    return HttpResponseRedirect(reverse("sandbox_crm:record", args=[kind, record.pk]))


@loopback_only
@require_POST
def put_away(request: HttpRequest, kind: str, record_id: int) -> HttpResponse:
    """Archive a record by hand."""
    own = _kind(kind)
    archive(_record(own, record_id), by=_person(request))
    return HttpResponseRedirect(reverse("sandbox_crm:list", args=[kind]))


@loopback_only
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """The number of the last write: pages fetch themselves again when it has grown."""
    last = Write.objects.order_by("-id").values_list("id", flat=True).first()
    return JsonResponse({"latest": last or 0})


@loopback_only
@require_GET
def connection(request: HttpRequest) -> HttpResponse:
    """The address and the token to connect with, and the ways to make the CRM misbehave."""
    settings = connection_settings()
    context = _context(OBJECT_TYPES["contacts"], connection=settings, portal_id=account().portal_id)
    context |= {"kind": "", "kind_label": _("Connection")}
    return render(request, "sandbox/crm/connection.html", context)
