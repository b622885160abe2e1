"""Which fault strikes a call. Drawn from (seed, number, call count, knob), so a run can be repeated exactly."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from scrm.sandbox.models import Faults, Number
from scrm.sandbox.router import ALIAS

PERCENTAGES = (
    "server_error_before_percent",
    "server_error_after_percent",
    "drop_reply_percent",
    "stall_percent",
    "too_many_requests_percent",
    "duplicate_percent",
    "lost_receipt_percent",
)
WHOLE = {"retry_after_seconds": (0, 86_400), "batch_size": (1, 1000), "delay_ms": (0, 86_400_000)}
SWITCHES = ("token_expired", "shuffle")
RATES = ("error_rates", "failed_rates")
KNOBS = (*PERCENTAGES, *WHOLE, *SWITCHES, *RATES, "stall_seconds", "seed")


@dataclass(frozen=True)
class SendFaults:
    """What happens to one send. `error_code` and `failed_code` are None when nothing is wrong; 0 is a code."""

    too_many_requests: bool = False
    server_error_before: bool = False
    error_code: int | None = None
    failed_code: int | None = None
    server_error_after: bool = False
    drop_reply: bool = False
    stall_seconds: float = 0.0


def draw(seed: str, slug: str, count: int, knob: str) -> float:
    """0 <= draw < 100, the same for the same arguments."""
    return random.Random(f"{seed}:{slug}:{count}:{knob}").random() * 100


def for_send(number: Number, faults: Faults) -> SendFaults:
    """Count the call and draw its faults. The count is kept even when the call is refused afterwards."""
    if not _any_send_fault(faults):
        return SendFaults()
    with transaction.atomic(using=ALIAS):
        Faults.objects.filter(pk=faults.pk).update(calls=F("calls") + 1)
        count = Faults.objects.values_list("calls", flat=True).get(pk=faults.pk)

    def strikes(knob: str, percent: float) -> bool:
        return draw(faults.seed, number.slug, count, knob) < percent

    return SendFaults(
        too_many_requests=strikes("too_many", faults.too_many_requests_percent),
        server_error_before=strikes("before", faults.server_error_before_percent),
        error_code=_pick(faults.error_rates, draw(faults.seed, number.slug, count, "error")),
        failed_code=_pick(faults.failed_rates, draw(faults.seed, number.slug, count, "failed")),
        server_error_after=strikes("after", faults.server_error_after_percent),
        drop_reply=strikes("drop", faults.drop_reply_percent),
        stall_seconds=faults.stall_seconds if strikes("stall", faults.stall_percent) else 0.0,
    )


def _any_send_fault(faults: Faults) -> bool:
    return bool(
        faults.error_rates
        or faults.failed_rates
        or faults.server_error_before_percent
        or faults.server_error_after_percent
        or faults.drop_reply_percent
        or faults.stall_percent
        or faults.too_many_requests_percent
    )


def _pick(rates: dict[str, float], drawn: float) -> int | None:
    """Rates share one draw, so that their sum is the share of calls that fail."""
    edge = 0.0
    for code, percent in sorted(rates.items()):
        edge += float(percent)
        if drawn < edge:
            return int(code)
    return None


def as_dict(faults: Faults) -> dict[str, Any]:
    return {knob: getattr(faults, knob) for knob in KNOBS}


def apply(number: Number, wanted: dict[str, Any], *, reset: bool = False) -> Faults:
    """Set knobs by name; ValueError with a sentence when a name or a value is not one. A new seed starts the count again."""
    faults = Faults.objects.get(number=number)
    if reset:
        faults = Faults(pk=faults.pk, number=number)
    for knob, value in wanted.items():
        setattr(faults, knob, _checked(knob, value))
        if knob == "seed":
            faults.calls = 0
    faults.save()
    return faults


def _checked(knob: str, value: Any) -> Any:
    if knob in PERCENTAGES:
        return _between(knob, value, 0, 100)
    if knob in WHOLE:
        return int(_between(knob, value, *WHOLE[knob]))
    if knob in SWITCHES:
        if not isinstance(value, bool):
            raise ValueError(f"{knob} is true or false")
        return value
    if knob in RATES:
        if not isinstance(value, dict):
            raise ValueError(f"{knob} maps an error code to a percentage")
        return {str(int(code)): _between(knob, percent, 0, 100) for code, percent in value.items()}
    if knob == "stall_seconds":
        return _between(knob, value, 0, 300)
    if knob == "seed":
        return str(value)[:40]
    raise ValueError(f"no such knob: {knob}")


def _between(knob: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{knob} lies between {low} and {high}")
    return value
