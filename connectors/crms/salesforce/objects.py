"""Which of Salesforce's objects stands for which of our kinds, and what a new record of each must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from connectors.contracts import Json
from connectors.errors import Misconfigured

KEY = "Scrm_Id__c"
LAST_MESSAGE = "Scrm_Last_Message_At__c"
CONTACT, LEAD = "Contact", "Lead"
# The first three characters of an id say what it is of.
PREFIXES = {"003": CONTACT, "00Q": LEAD, "006": "Opportunity", "500": "Case", "00T": "Task", "801": "Order", "01t": "Product2"}
DESCRIPTION_LIMIT = 32_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a kind is kept. `links`: {our kind: the field that joins to it}. `holder`: the object that its custom fields belong to."""

    sobject: str
    links: Mapping[str, str] = field(default_factory=dict)
    holder: str = ""

    @property
    def fields_of(self) -> str:
        return self.holder or self.sobject


PLACES: dict[str, Place] = {
    "contact": Place(CONTACT),
    "communication": Place("Task", {"contact": "WhoId", "deal": "WhatId", "case": "WhatId", "order": "WhatId"}, holder="Activity"),
    "deal": Place("Opportunity"),
    "case": Place("Case", {"contact": "ContactId"}),
    "order": Place("Order", {"contact": "BillToContactId"}),
    "product": Place("Product2"),
}
# Always there; the others depend on the edition and on what the org has switched on.
NEEDED = ("contact", "communication")


def place(kind: str) -> Place:
    """Raises `Misconfigured` for a kind that has no place there."""
    if kind not in PLACES:
        raise Misconfigured(f"Salesforce keeps no {kind!r}; there are {', '.join(PLACES)}")
    return PLACES[kind]


def object_of(record_id: str, kind: str) -> str:
    """The object of an existing record: a person is a contact or a lead, which the id tells."""
    known = PREFIXES.get(record_id[:3], "")
    return LEAD if kind == "contact" and known == LEAD else place(kind).sobject


def when_new(sobject: str, key: str, given: Json, today: date) -> Json:
    """What a new record must have and the mapping did not give. Never sent for one that exists: a repeated write must move nothing back."""
    needed: Json = {}
    if sobject == "Opportunity":
        needed = {"Name": key, "StageName": "Prospecting", "CloseDate": (today + timedelta(days=30)).isoformat()}
    elif sobject == LEAD:
        needed = {"LastName": _a_name(given, key), "Company": "[not provided]"}
    elif sobject == CONTACT:
        needed = {"LastName": _a_name(given, key)}
    elif sobject == "Order":
        needed = {"Status": "Draft", "EffectiveDate": today.isoformat()}
    elif sobject == "Task":
        needed = {"Status": "Completed", "Subject": "Chat"}
    elif sobject == "Product2":
        needed = {"Name": key}
    return {name: value for name, value in needed.items() if given.get(name) in (None, "")}


def _a_name(given: Json, key: str) -> str:
    return next((str(given[name]) for name in ("Phone", "MobilePhone", "Email") if given.get(name)), key)


def with_last_name(sobject: str, given: Json) -> Json:
    """A person with one name only has it as LastName, which Salesforce cannot do without; read back it is the same name."""
    if sobject not in {CONTACT, LEAD} or not given.get("FirstName") or given.get("LastName", None) not in (None, ""):
        return given
    if "LastName" not in given:  # an update of the first name alone
        return given
    return {**given, "LastName": given["FirstName"], "FirstName": ""}
