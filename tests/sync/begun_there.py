"""Deals, cases and orders that people begin over there, at each CRM's stand-in: with a person, and by mappings that hear of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from scrm.connections.models import Connection
from scrm.sandbox.crm.associations import associate
from scrm.sandbox.crm.models import Record
from scrm.sandbox.crm.records import create
from scrm.sandbox.crm.schema import DEALS, TICKETS
from scrm.sandbox.crm.schema import ORDERS as HUBSPOT_ORDERS
from scrm.sandbox.salesforce.tables import TableStore as OrgStore
from scrm.sandbox.zoho.tables import TableStore as ModuleStore
from scrm.sync.models import FieldMapping
from tests.connectors.poor_server import definition
from tests.faults.vendors import WONG, HubSpot, Rest, Salesforce, Vendor, Zoho

KINDS = ("deal", "case", "order")
# By vendor: the fields of orders and their word for one that is paid for.
_ORDERS: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "hubspot": ((("number", "hs_external_order_id"), ("status", "hs_fulfillment_status"), ("total", "hs_total_price")), "Packing"),
    "salesforce": (
        (("number", "OrderNumber"), ("status", "Status"), ("total", "TotalAmount"), ("contact", "BillToContactId")),
        "Draft",
    ),
    "zoho": ((("number", "SO_Number"), ("status", "Status"), ("total", "Grand_Total"), ("contact", "Contact_Name")), "Created"),
    "rest": ((("number", "/name"), ("status", "/tags"), ("total", "/amount"), ("contact", "/contact")), "packing"),
}


def hear_of_all(crm: Connection) -> None:
    """Orders come in; so do deals and cases at a server without a schema, whose one list holds all, told apart by the field of our key."""
    if crm.adapter == "rest":
        kind = json.loads(definition("page"))["kinds"]["contact"]
        linked = {**kind, "links": {"contact": "/contact"}}
        crm.settings = {**crm.settings, "definition": json.dumps({"kinds": {"contact": kind, **dict.fromkeys(KINDS, linked)}})}
        crm.save()
        FieldMapping.objects.filter(connection=crm).exclude(kind="contact").delete()
        for each in ("deal", "case"):
            for source, target, way in (("name", "/name", "out"), ("stage", "/tags", "in"), ("contact", "/contact", "in")):
                FieldMapping.objects.create(connection=crm, kind=each, source=source, target=target, direction=way)
    fields, paid = _ORDERS[crm.adapter]
    for source, target in fields:
        choices = {"transform": "choices", "options": {"paid": paid}} if source == "status" else {}
        FieldMapping.objects.create(connection=crm, kind="order", source=source, target=target, direction="in", **choices)


def begin(vendor: Vendor, kind: str, person: str, number: str = "SO-1") -> str:
    """A seller or helper over there begins one for this person; its id."""
    if isinstance(vendor, HubSpot):
        return _at_hubspot(kind, person, number)
    if isinstance(vendor, Salesforce):
        return _at_salesforce(vendor, kind, person, number)
    if isinstance(vendor, Zoho):
        return _at_zoho(vendor, kind, person, number)
    assert isinstance(vendor, Rest)
    vendor.server.now = datetime.now(UTC)
    values: dict[str, Any] = {
        "name": number,
        "tags": "packing" if kind == "order" else "new",
        "contact": person,
        "scrm_id": f"{kind}/{number}",
    }
    return str(vendor.server.add(**values, **({"amount": 256} if kind == "order" else {})))


def _at_hubspot(kind: str, person: str, number: str) -> str:
    of_kind = {"deal": DEALS, "case": TICKETS, "order": HUBSPOT_ORDERS}[kind]
    values = {
        "deal": {"dealname": "曲奇禮盒", "dealstage": "qualifiedtobuy"},
        "case": {"subject": "杯子破了", "hs_pipeline_stage": "1"},
        "order": {"hs_external_order_id": number, "hs_fulfillment_status": "Packing", "hs_total_price": "256"},
    }[kind]
    made = create(of_kind, values, by=WONG)
    associate(made, Record.objects.get(pk=person), by=WONG)
    return str(made.pk)


def _at_salesforce(vendor: Salesforce, kind: str, person: str, number: str) -> str:
    values: dict[str, dict[str, Any]] = {
        "deal": {"Name": "曲奇禮盒", "StageName": "Qualification", "CloseDate": "2026-12-24"},
        "case": {"Subject": "杯子破了", "Status": "New", "ContactId": person},
        "order": {"OrderNumber": number, "Status": "Draft", "TotalAmount": 256, "BillToContactId": person},
    }
    if kind == "order":
        return OrgStore().add("Order", values[kind], datetime.now(UTC), "005").id
    of_kind = {"deal": "Opportunity", "case": "Case"}[kind]
    made = str(vendor.act(act="add", object=of_kind, values=values[kind])["id"])
    if kind == "deal":
        vendor.act(act="add", object="OpportunityContactRole", values={"OpportunityId": made, "ContactId": person, "IsPrimary": True})
    return made


def _at_zoho(vendor: Zoho, kind: str, person: str, number: str) -> str:
    them = {"id": person}
    values: dict[str, dict[str, Any]] = {
        "deal": {"Deal_Name": "曲奇禮盒", "Stage": "Qualification", "Closing_Date": "2026-12-24", "Contact_Name": them},
        "case": {"Subject": "杯子破了", "Status": "New", "Case_Origin": "Phone", "Related_To": them},
        "order": {"SO_Number": number, "Status": "Created", "Grand_Total": 256, "Contact_Name": them},
    }
    if kind == "order":
        return ModuleStore().add("Sales_Orders", values[kind], datetime.now(UTC)).id
    of_kind = {"deal": "Deals", "case": "Cases"}[kind]
    return str(vendor.act(act="add", module=of_kind, values=values[kind])["id"])
