"""Open alerts for the bell on every page."""

from __future__ import annotations

from typing import Any

from django import template

from scrm.connections.models import Alert
from scrm.connections.services import open_alerts

register = template.Library()

SHOWN = 6


@register.inclusion_tag("console/alert_bell.html", takes_context=True)
def alert_bell(context: dict[str, Any]) -> dict[str, Any]:
    """The bell: nothing without the right to see alerts, else one query for at most a handful of rows."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.has_perm("connections.view_alert"):
        return {"seen": False}
    rows: list[Alert] = list(open_alerts().select_related("connection").defer("connection__secrets", "connection__settings")[: SHOWN + 1])
    return {
        "seen": True,
        "rows": rows[:SHOWN],
        "count": f"{SHOWN}+" if len(rows) > SHOWN else len(rows),
        "level": rows[0].level if rows else "",
    }
