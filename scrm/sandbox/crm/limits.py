"""Rate limits as the vendor counts them: a rolling ten seconds, a day, and a second for searches, which the ten seconds spare.

Every call is a row, written first and counted afterwards among the rows up to its own, so that calls that arrive
together are counted exactly, by any number of processes. Refused calls do not count against the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from .account import limits
from .faults import rate_limited
from .models import Account, Call
from .wire import ApiError

WINDOW = timedelta(seconds=10)
KEPT = timedelta(minutes=10)
PRUNE_EVERY = 500


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left after a call; `refusal` when the call itself is over a limit."""

    call: Call
    headers: dict[str, str]
    refusal: ApiError | None = None


def register(request: HttpRequest, of: Account) -> Budget:
    """Count a call. The caller sets the row's status when the answer is known."""
    moment = timezone.now()
    policy = "search" if request.path.endswith("/search") else "ten_secondly"
    call = Call.objects.create(at=moment, policy=policy, method=request.method or "", path=request.path[:300])
    if call.pk % PRUNE_EVERY == 0:
        Call.objects.filter(at__lt=moment - KEPT).delete()
    allowed = limits(of)
    today = _calls_today(of, call)
    headers = {
        "X-HubSpot-RateLimit-Daily": str(allowed["daily"]),
        "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, allowed["daily"] - today)),
    }
    if today > allowed["daily"]:
        return Budget(call, headers, rate_limited("DAILY", "daily"))
    if policy == "search":
        return _search_budget(call, headers, allowed["search_per_second"])
    return _ten_secondly_budget(call, headers, allowed["ten_secondly"])


def _search_budget(call: Call, headers: dict[str, str], allowed: int) -> Budget:
    used = _used(call, timedelta(seconds=1))
    return Budget(call, headers, rate_limited("SECONDLY", "secondly") if used > allowed else None)


def _ten_secondly_budget(call: Call, headers: dict[str, str], allowed: int) -> Budget:
    used = _used(call, WINDOW)
    headers |= {
        "X-HubSpot-RateLimit-Interval-Milliseconds": str(WINDOW // timedelta(milliseconds=1)),
        "X-HubSpot-RateLimit-Max": str(allowed),
        "X-HubSpot-RateLimit-Remaining": str(max(0, allowed - used)),
    }
    return Budget(call, headers, rate_limited("TEN_SECONDLY_ROLLING", "ten_secondly_rolling") if used > allowed else None)


def _used(call: Call, window: timedelta) -> int:
    since = call.at - window
    return Call.objects.filter(policy=call.policy, at__gt=since, pk__lte=call.pk).exclude(status=429).count()


def _calls_today(of: Account, call: Call) -> int:
    """The number of this call within its UTC day, from the day's first row id: rows of earlier hours may be pruned."""
    day = call.at.date()
    if of.day != day:
        Account.objects.filter(pk=of.pk).exclude(day=day).update(day=day, day_first_call=call.pk)
        of.refresh_from_db(fields=["day", "day_first_call"])
    return max(1, call.pk - of.day_first_call + 1)
