"""What a webhook says of an account's standing with the platform: may it go on, must it stop, has it been let back.

    {"effect": "stopped" | "unplugged" | "warned" | "restored" | "told", "event": the platform's word, "detail": what it adds,
     "until": seconds since 1970, when the platform gave an end}

`stopped`: the platform forbids sending (ban, restriction, violation); `unplugged`: the number or our access is gone;
`warned`: it goes on, somebody should look; `restored`: a stop has ended; `told`: nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.timestamps import moment
from connectors.untrusted import Json, as_list, as_object, as_text

_PLAIN = {
    "ACCOUNT_VIOLATION": "stopped",
    "ACCOUNT_DELETED": "unplugged",
    "ACCOUNT_OFFBOARDED": "unplugged",
    "PARTNER_REMOVED": "unplugged",
    "PARTNER_APP_UNINSTALLED": "unplugged",
    "ACCOUNT_RECONNECTED": "restored",
    "PARTNER_ADDED": "restored",
    "PARTNER_APP_INSTALLED": "restored",
    "VERIFIED_ACCOUNT": "told",
}
# Of the states of a ban. A scheduled one has not begun; any word that is not known is taken for a ban.
_BANS = {"REINSTATE": "restored", "SCHEDULE_FOR_DISABLE": "warned", "DISABLE": "stopped"}


def standing_of(field: str, told: Json) -> Json | None:
    """What the value of a webhook's field means for the account; None for fields that say nothing of it."""
    read = _READERS.get(field)
    return read(told) if read else None


def _account_update(told: Json) -> Json:
    event = as_text(told.get("event")).upper()
    if event in {"DISABLED_UPDATE", "DISABLED"}:
        return _ban(event, as_object(told.get("ban_info")))
    if event == "ACCOUNT_RESTRICTION":
        return _restriction(event, [as_object(each) for each in as_list(told.get("restriction_info"))])
    detail = as_text(as_object(told.get("violation_info")).get("violation_type"))
    return _standing(_PLAIN.get(event, "told"), event, detail)


def _ban(event: str, ban: Json) -> Json:
    states = as_text(ban.get("waba_ban_state")).upper()
    date = as_text(ban.get("waba_ban_date"))
    return _standing(_BANS.get(states, "stopped"), event, " ".join(filter(None, [states, date])))


def _restriction(event: str, restrictions: list[Json]) -> Json:
    """Restrictions of messaging stop the account; those of calls or of adding numbers do not touch it."""
    kinds = [as_text(each.get("restriction_type")).upper() for each in restrictions]
    messaging = any("MESSAGING" in kind for kind in kinds)
    ends = [end for each in restrictions if (end := moment(each.get("expiration")))]
    standing = _standing("stopped" if messaging else "warned", event, ", ".join(filter(None, kinds)))
    return {**standing, "until": int(max(ends).timestamp())} if ends else standing


def _review(told: Json) -> Json:
    decision = as_text(told.get("decision")).upper()
    effect = {"REJECTED": "stopped", "APPROVED": "restored"}.get(decision, "told")
    return _standing(effect, "ACCOUNT_REVIEW", decision)


def _alert(told: Json) -> Json:
    """An alert of the platform; the older form has its parts one level deeper."""
    alert = as_object(told.get("alert_info")) or told
    effect = "warned" if as_text(alert.get("alert_status")).upper() != "RESOLVED" else "told"
    words = [as_text(alert.get(name)) for name in ("alert_severity", "alert_description")]
    return _standing(effect, as_text(alert.get("alert_type")).upper() or "ACCOUNT_ALERT", ": ".join(filter(None, words)))


def _name(told: Json) -> Json:
    decision = as_text(told.get("decision")).upper()
    words = [decision, as_text(told.get("requested_verified_name")), as_text(told.get("rejection_reason"))]
    return _standing("warned" if decision == "REJECTED" else "told", "DISPLAY_NAME", " ".join(filter(None, words)))


def _security(told: Json) -> Json:
    requester = as_text(told.get("requester"))
    return _standing("warned", as_text(told.get("event")).upper() or "SECURITY", requester and f"by {requester}")


def _history_refusal(told: Json) -> Json | None:
    errors = [as_object(each) for each in as_list(told.get("errors"))]
    if not errors:
        return None
    return _standing("warned", "HISTORY", " ".join(filter(None, [as_text(errors[0].get("code")), as_text(errors[0].get("message"))])))


def _standing(effect: str, event: str, detail: str) -> Json:
    return {"effect": effect, "event": event, "detail": detail}


_READERS: dict[str, Callable[[Json], Json | None]] = {
    "account_update": _account_update,
    "account_review_update": _review,
    "account_alerts": _alert,
    "phone_number_name_update": _name,
    "security": _security,
    "history": _history_refusal,
}
