"""Property definitions, pipelines, owners, and the account's details (the usual call to test a connection)."""

from __future__ import annotations

from ..account import account
from ..gateway import Answer, Exchange
from ..models import PropertyDefinition
from ..properties import create_property, definitions, from_row, object_type, property_json
from ..schema import OWNERS, PIPELINES, Owner, Stage
from ..wire import ApiError, Json, invalid, iso, now
from .batches import run


def list_properties(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    return 200, {"results": [property_json(own, found) for found in definitions(own).values()]}


def add_property(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    return 201, property_json(own, from_row(create_property(own, exchange.body)))


def read_property(exchange: Exchange, *, kind: str, name: str) -> Answer:
    own = object_type(kind)
    found = definitions(own).get(name)
    if found is None:
        raise _no_property(name)
    return 200, property_json(own, found)


def change_property(exchange: Exchange, *, kind: str, name: str) -> Answer:
    """Label, description, group and options of a custom property; its name, type and uniqueness stay as they were made."""
    row = _custom(kind, name)
    row.label = str(exchange.body.get("label", row.label))[:200]
    row.description = str(exchange.body.get("description", row.description))
    row.group_name = str(exchange.body.get("groupName", row.group_name))[:100]
    row.options = exchange.body.get("options", row.options)
    row.updated_at = now()
    row.save()
    return 200, property_json(object_type(kind), from_row(row))


def archive_property(exchange: Exchange, *, kind: str, name: str) -> Answer:
    _custom(kind, name).delete()
    return 204, None


def _custom(kind: str, name: str) -> PropertyDefinition:
    own = object_type(kind)
    row = PropertyDefinition.objects.filter(object_type=own.name, name=name).first()
    if row is None:
        raise invalid(f"{name} is defined by the CRM and cannot be changed") if name in definitions(own) else _no_property(name)
    return row


def _no_property(name: str) -> ApiError:
    return ApiError(404, "OBJECT_NOT_FOUND", f"No property '{name}'", sub_category="Properties.PROPERTY_NOT_FOUND")


def add_properties(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    return run(exchange, lambda row: property_json(own, from_row(create_property(own, row))), status=201)


def list_groups(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    names = dict.fromkeys(property_json(own, found)["groupName"] for found in definitions(own).values())
    return 200, {"results": [_group(name) for name in names]}


def add_group(exchange: Exchange, *, kind: str) -> Answer:
    """Groups exist by being used: the answer is as if the group had been made."""
    object_type(kind)
    name = str(exchange.body.get("name", ""))
    if not name:
        raise invalid("Some required fields were not set: ['name']")
    return 201, {**_group(name), "label": str(exchange.body.get("label", name))}


def _group(name: str) -> Json:
    return {"name": name, "label": name, "displayOrder": -1, "archived": False}


def list_pipelines(exchange: Exchange, *, kind: str) -> Answer:
    own = object_type(kind)
    if own.name not in PIPELINES:
        return 200, {"results": []}
    return 200, {"results": [_pipeline(exchange, own.name)]}


def read_pipeline(exchange: Exchange, *, kind: str, pipeline_id: str) -> Answer:
    own = object_type(kind)
    if own.name not in PIPELINES or PIPELINES[own.name][0] != pipeline_id:
        raise ApiError(404, "OBJECT_NOT_FOUND", f"No pipeline '{pipeline_id}'")
    return 200, _pipeline(exchange, own.name)


def _pipeline(exchange: Exchange, name: str) -> Json:
    pipeline_id, label, stages = PIPELINES[name]
    made = iso(exchange.account.created_at)
    times = {"createdAt": made, "updatedAt": made, "archived": False}
    return {
        "id": pipeline_id, "label": label, "displayOrder": 0, **times,
        "stages": [
            {"id": stage.id, "label": stage.label, "displayOrder": order, "metadata": _metadata(name, stage), **times}
            for order, stage in enumerate(stages)
        ],
    }  # fmt: skip


def _metadata(name: str, stage: Stage) -> dict[str, str]:
    if name == "deals":
        return {"isClosed": str(stage.closed).lower(), "probability": stage.probability}
    return {"ticketState": "CLOSED" if stage.closed else "OPEN"}


def list_owners(exchange: Exchange) -> Answer:
    email = exchange.query("email").casefold()
    return 200, {"results": [_owner(exchange, owner) for owner in OWNERS if not email or owner.email.casefold() == email]}


def read_owner(exchange: Exchange, *, owner_id: str) -> Answer:
    for owner in OWNERS:
        if owner.id == owner_id:
            return 200, _owner(exchange, owner)
    raise ApiError(404, "OBJECT_NOT_FOUND", f"No owner '{owner_id}'")


def _owner(exchange: Exchange, owner: Owner) -> Json:
    made = iso(exchange.account.created_at)
    return {
        "id": owner.id, "userId": owner.user_id, "email": owner.email, "firstName": owner.first_name, "lastName": owner.last_name,
        "type": "PERSON", "createdAt": made, "updatedAt": made, "archived": False,
    }  # fmt: skip


def account_details(exchange: Exchange) -> Answer:
    return 200, {
        "portalId": account().portal_id, "accountType": "DEVELOPER_TEST", "timeZone": "Asia/Hong_Kong", "companyCurrency": "HKD",
        "additionalCurrencies": ["TWD", "JPY", "SGD"], "utcOffset": "+08:00", "utcOffsetMilliseconds": 28_800_000,
        "uiDomain": "sandbox.invalid", "dataHostingLocation": "sandbox",
    }  # fmt: skip
