"""A small page for the fault knobs of each number."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from scrm.sandbox import faults, ratings
from scrm.sandbox.models import Number
from scrm.sandbox.numbers import ensure_numbers
from scrm.sandbox.phone import screen

LABELS = {
    "server_error_before_percent": gettext_lazy("Answer 500 and accept nothing, %"),
    "server_error_after_percent": gettext_lazy("Answer 500 although accepted, %"),
    "drop_reply_percent": gettext_lazy("Cut the answer off after acceptance, %"),
    "stall_percent": gettext_lazy("Stall after acceptance, %"),
    "stall_seconds": gettext_lazy("… for how many seconds"),
    "too_many_requests_percent": gettext_lazy("Answer 429 with Retry-After, %"),
    "retry_after_seconds": gettext_lazy("… Retry-After, seconds"),
    "duplicate_percent": gettext_lazy("Webhooks sent twice, %"),
    "lost_receipt_percent": gettext_lazy("Receipts lost, %"),
    "batch_size": gettext_lazy("Updates in one webhook body, at most"),
    "delay_ms": gettext_lazy("Webhook delay, milliseconds"),
}
SWITCH_LABELS = {
    "token_expired": gettext_lazy("Access token has expired"),
    "shuffle": gettext_lazy("Webhooks in shuffled order"),
}
RATE_LABELS = {
    "error_rates": gettext_lazy("Refuse sends with these codes (131048: 10, 131000: 5)"),
    "failed_rates": gettext_lazy("Accept, then report as failed (131026: 10)"),
}

# A button's value -> (its words, the setting, its value).
RATINGS = {
    "green": (gettext_lazy("Quality: green"), "quality_rating", "GREEN"),
    "yellow": (gettext_lazy("Quality: yellow"), "quality_rating", "YELLOW"),
    "red": (gettext_lazy("Quality: red"), "quality_rating", "RED"),
    "250": (gettext_lazy("Messaging limit: 250 people a day"), "messaging_tier", "TIER_250"),
    "2k": (gettext_lazy("Messaging limit: 2,000 people a day"), "messaging_tier", "TIER_2K"),
    "10k": (gettext_lazy("Messaging limit: 10,000 people a day"), "messaging_tier", "TIER_10K"),
    "100k": (gettext_lazy("Messaging limit: 100,000 people a day"), "messaging_tier", "TIER_100K"),
    "unlimited": (gettext_lazy("No messaging limit"), "messaging_tier", "TIER_UNLIMITED"),
    "slow": (gettext_lazy("Speed: 20 messages a second"), "throughput", 20),
    "standard": (gettext_lazy("Speed: 80 messages a second"), "throughput", 80),
    "high": (gettext_lazy("Speed: 1,000 messages a second"), "throughput", 1000),
}


@screen
@csrf_protect
@require_http_methods(["GET", "POST"])
def fault_page(request: HttpRequest) -> HttpResponse:
    ensure_numbers()
    error = ""
    if request.method == "POST":
        try:
            _apply(request)
            return redirect("sandbox-faults")
        except ValueError as refused:
            error = str(refused)
    numbers = [_form(number) for number in Number.objects.select_related("faults").order_by("pk")]
    acts = [(name, words) for name, (words, _name, _value) in RATINGS.items()]
    told = {"numbers": numbers, "error": error, "acts": acts}
    return render(request, "sandbox/faults.html", told, status=400 if error else 200)


def _apply(request: HttpRequest) -> None:
    number = Number.objects.get(slug=request.POST["number"])
    if "act" in request.POST:
        _words, name, value = RATINGS[request.POST["act"]]
        ratings.change(number, name, value)
        return
    if "reset" in request.POST:
        faults.apply(number, {}, reset=True)
        return
    wanted: dict[str, object] = {knob: _figure(request.POST[knob]) for knob in LABELS}
    wanted |= {knob: knob in request.POST for knob in SWITCH_LABELS}
    wanted |= {knob: _rates(request.POST[knob]) for knob in RATE_LABELS}
    if request.POST["seed"] != number.faults.seed:
        wanted["seed"] = request.POST["seed"]
    faults.apply(number, wanted)


def _figure(raw: str) -> float:
    try:
        return float(raw or 0)
    except ValueError:
        raise ValueError(_("%(raw)s is not a number") % {"raw": raw}) from None


def _rates(raw: str) -> dict[str, float]:
    """`131048: 10, 131000: 5`"""
    rates: dict[str, float] = {}
    for part in filter(str.strip, raw.split(",")):
        code, colon, percent = part.partition(":")
        if not colon or not code.strip().isdecimal():
            raise ValueError(_("write error codes as 131048: 10, 131000: 5"))
        rates[code.strip()] = _figure(percent.strip())
    return rates


def _form(number: Number) -> dict[str, object]:
    knobs = faults.as_dict(number.faults)
    return {
        "number": number,
        "seed": knobs["seed"],
        "figures": [(knob, label, f"{knobs[knob]:g}") for knob, label in LABELS.items()],
        "switches": [(knob, label, knobs[knob]) for knob, label in SWITCH_LABELS.items()],
        "rates": [(knob, label, ", ".join(f"{c}: {p:g}" for c, p in knobs[knob].items())) for knob, label in RATE_LABELS.items()],
    }
