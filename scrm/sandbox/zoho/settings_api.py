"""Fields of a module, and who wants notices."""

from __future__ import annotations

from datetime import timedelta

from scrm.sandbox.zoho.desk import Desk
from scrm.sandbox.zoho.records import fields_of
from scrm.sandbox.zoho.store import Channel
from scrm.sandbox.zoho.vocabulary import PLAIN, Json
from scrm.sandbox.zoho.wire import Answer, Refusal, error, iso, parsed

LONGEST_LIFE, DEFAULT_LIFE = timedelta(days=7), timedelta(hours=1)
MOST_FIELDS_A_CALL = 5


def fields(desk: Desk) -> Answer:
    """GET lists, POST adds."""
    module = desk.module(desk.ask.query.get("module", ""))
    desk.spend(1)
    if desk.ask.method == "GET":
        return Answer(200, {"fields": [each.shown() for each in fields_of(desk.store, module).values()]})
    if desk.state["forbid_fields"]:
        raise Refusal(403, "NO_PERMISSION", "permission denied", {"permissions": ["Crm_Implied_Customize_Zoho_CRM"]})
    if module in PLAIN:
        raise Refusal(400, "INVALID_MODULE", "The module name given seems to be invalid")
    wanted = desk.body.get("fields")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST_FIELDS_A_CALL:
        raise Refusal(400, "INVALID_DATA", "invalid data", {"api_name": "fields"})
    answers = [_added(desk, module, each) for each in wanted]
    return Answer(201 if all(each["code"] == "SUCCESS" for each in answers) else 400, {"fields": answers})


def _added(desk: Desk, module: str, given: Json) -> Json:
    label = str(given.get("field_label", ""))
    if not label or not given.get("data_type"):
        return error("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "field_label" if not label else "data_type"})
    if label.replace(" ", "_") in fields_of(desk.store, module):
        return error("DUPLICATE_DATA", "duplicate data", {"api_name": "field_label"})
    desk.store.add_field(module, given)
    return {"code": "SUCCESS", "details": {"id": str(len(label))}, "message": "field created", "status": "success"}


# --- notices --------------------------------------------------------------------------------------------------------


def watch(desk: Desk) -> Answer:
    desk.spend(1)
    if desk.ask.method == "DELETE":
        wanted = [each for each in desk.ask.query.get("channel_ids", "").split(",") if each]
        known = [each for each in wanted if desk.store.drop_channel(each)]
        if not known:
            return Answer(400, {"watch": [error("NOT_SUBSCRIBED", "no subscription with this channel", {})]})
        rows = [{"code": "SUCCESS", "details": {"channel_id": each}, "message": "removed", "status": "success"} for each in known]
        return Answer(200, {"watch": rows})
    rows = [_watched(desk, each) for each in desk.body.get("watch") or []]
    good = all(each["code"] == "SUCCESS" for each in rows)
    return Answer((201 if desk.ask.method == "POST" else 200) if good else 202, {"watch": rows})


def _watched(desk: Desk, given: Json) -> Json:
    channel_id = str(given.get("channel_id", ""))
    known = {each.channel_id for each in desk.store.channels() if each.ends_at > desk.now}
    if desk.ask.method == "PUT" and channel_id not in known:
        return error("NOT_SUBSCRIBED", "no subscription with this channel", {"channel_id": channel_id})
    events = [str(each) for each in given.get("events") or []]
    if not events or not given.get("notify_url") or len(str(given.get("token", ""))) > 50:
        return error("INVALID_DATA", "invalid data", {"api_name": "events" if not events else "token"})
    for event in events:
        if desk.module(event.partition(".")[0]) in PLAIN:
            return error("INVALID_DATA", "invalid data", {"api_name": "events"})
    asked = parsed(str(given.get("channel_expiry", "")))
    ends_at = asked if asked and desk.now < asked <= desk.now + LONGEST_LIFE else desk.now + DEFAULT_LIFE
    desk.store.put_channel(Channel(channel_id, str(given.get("token", "")), str(given["notify_url"]), events, ends_at))
    told = [{"channel_expiry": iso(ends_at), "resource_name": each.partition(".")[0], "channel_id": channel_id} for each in events]
    return {"code": "SUCCESS", "details": {"events": told}, "message": "subscribed", "status": "success"}
