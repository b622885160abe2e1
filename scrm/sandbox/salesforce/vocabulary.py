"""The objects that every org has, with the fields that matter here. Types are the vendor's; `size` bounds texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: str = "string"
    size: int = 255
    writable: bool = True
    required: bool = False
    refers_to: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    external_id: bool = False
    unique: bool = False
    label: str = ""

    def described(self) -> Json:
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "length": self.size,
            "createable": self.writable,
            "updateable": self.writable,
            "nillable": not self.required,
            "externalId": self.external_id,
            "unique": self.unique,
            "referenceTo": list(self.refers_to),
            "picklistValues": [{"value": each, "label": each, "active": True} for each in self.choices],
            "custom": self.name.endswith("__c"),
        }


def _system(name: str, kind: str = "datetime") -> Field:
    return Field(name, kind, writable=False)


SYSTEM = (
    _system("Id", "id"),
    _system("IsDeleted", "boolean"),
    _system("CreatedDate"),
    _system("LastModifiedDate"),
    _system("LastModifiedById", "reference"),
    _system("SystemModstamp"),
    _system("LastViewedDate"),
)
_PERSON = (
    Field("FirstName", size=40),
    Field("LastName", size=80, required=True),
    Field("Phone", "phone", 40),
    Field("MobilePhone", "phone", 40),
    Field("Email", "email", 80),
    Field("Title", size=128),
    Field("Description", "textarea", 32_000),
    Field("DoNotCall", "boolean"),
    _system("MasterRecordId", "reference"),
)
_STAGES = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review", "Closed Won", "Closed Lost")

OBJECTS: dict[str, tuple[str, tuple[Field, ...]]] = {
    "Contact": (
        "003",
        (
            *_PERSON,
            Field("AccountId", "reference", refers_to=("Account",)),
            Field("MailingAddress", "address", writable=False),
            Field("LeadSource", "picklist", choices=("Web", "Phone Inquiry", "Partner Referral", "Other")),
        ),
    ),
    "Lead": (
        "00Q",
        (
            *_PERSON,
            Field("Company", size=255, required=True),
            Field("Status", "picklist", choices=("Open - Not Contacted", "Working - Contacted", "Closed - Converted")),
            _system("IsConverted", "boolean"),
            _system("ConvertedContactId", "reference"),
        ),
    ),
    "Account": ("001", (Field("Name", size=255, required=True), Field("Phone", "phone", 40))),
    "Opportunity": (
        "006",
        (
            Field("Name", size=120, required=True),
            Field("StageName", "picklist", required=True, choices=_STAGES),
            Field("CloseDate", "date", required=True),
            Field("Amount", "currency"),
            Field("Description", "textarea", 32_000),
            Field("AccountId", "reference", refers_to=("Account",)),
            _system("IsClosed", "boolean"),
        ),
    ),
    "OpportunityContactRole": (
        "00K",
        (
            Field("OpportunityId", "reference", required=True, refers_to=("Opportunity",)),
            Field("ContactId", "reference", required=True, refers_to=("Contact",)),
            Field("Role", "picklist", choices=("Decision Maker", "Other")),
            Field("IsPrimary", "boolean"),
        ),
    ),
    "Case": (
        "500",
        (
            Field("Subject", size=255),
            Field("Description", "textarea", 32_000),
            Field("Status", "picklist", choices=("New", "Working", "Escalated", "Closed")),
            Field("Priority", "picklist", choices=("High", "Medium", "Low")),
            Field("Origin", "picklist", choices=("Phone", "Email", "Web")),
            Field("ContactId", "reference", refers_to=("Contact",)),
            _system("CaseNumber", "string"),
        ),
    ),
    "Task": (
        "00T",
        (
            Field("Subject", "combobox", 255),
            Field("Status", "picklist", choices=("Not Started", "In Progress", "Completed", "Deferred")),
            Field("Priority", "picklist", choices=("High", "Normal", "Low")),
            Field("Description", "textarea", 32_000),
            Field("ActivityDate", "date"),
            Field("WhoId", "reference", refers_to=("Contact", "Lead")),
            Field("WhatId", "reference", refers_to=("Account", "Opportunity", "Case", "Order")),
        ),
    ),
    "Order": (
        "801",
        (
            Field("AccountId", "reference", required=True, refers_to=("Account",)),
            Field("EffectiveDate", "date", required=True),
            Field("Status", "picklist", required=True, choices=("Draft", "Activated")),
            Field("BillToContactId", "reference", refers_to=("Contact",)),
            Field("Description", "textarea", 32_000),
            _system("OrderNumber", "string"),
            _system("TotalAmount", "currency"),
        ),
    ),
    "OrderItem": (
        "802",
        (
            Field("OrderId", "reference", required=True, refers_to=("Order",)),
            Field("Product2Id", "reference", refers_to=("Product2",)),
            Field("Quantity", "double", required=True),
            Field("UnitPrice", "currency"),
        ),
    ),
    "Product2": (
        "01t",
        (Field("Name", size=255, required=True), Field("ProductCode", size=255), Field("IsActive", "boolean")),
    ),
}
# Custom fields of activities belong to this.
HOLDERS = {"Task": "Activity"}
# What the tooling interface makes, by its names of types.
MADE_TYPES = {"Text": "string", "DateTime": "datetime", "Checkbox": "boolean", "MultiselectPicklist": "multipicklist"}


def prefix_of(sobject: str) -> str:
    return OBJECTS[sobject][0]


def custom_field(given: Json) -> Field:
    """A field from its definition as the tooling interface takes it."""
    meta = given.get("Metadata", {})
    return Field(
        str(given["FullName"]).rpartition(".")[2],
        MADE_TYPES[meta["type"]],
        int(meta.get("length") or 255),
        external_id=bool(meta.get("externalId")),
        unique=bool(meta.get("unique")),
        label=str(meta.get("label") or ""),
    )
