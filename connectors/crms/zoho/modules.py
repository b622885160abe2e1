"""Which of Zoho's modules holds what of ours, how they hang together, and what a new record may not lack."""

from __future__ import annotations

from connectors.accounts import Settings
from connectors.errors import Misconfigured

NOTES = "Notes"
KINDS = ("contact", "deal", "case", "communication", "order", "product")
_MODULES = {"deal": "Deals", "case": "Cases", "communication": NOTES, "order": "Sales_Orders", "product": "Products"}
PEOPLE = ("Contacts", "Leads")

# (from module, kind of the other): the field that holds the other's id.
LOOKUPS: dict[tuple[str, str], str] = {
    ("Deals", "contact"): "Contact_Name",
    ("Cases", "contact"): "Related_To",
    ("Cases", "deal"): "Deal_Name",
    ("Cases", "product"): "Product_Name",
    ("Sales_Orders", "contact"): "Contact_Name",
    ("Sales_Orders", "deal"): "Deal_Name",
}
# A note hangs on one record: the first kind of these that it is linked to.
NOTE_PARENTS = ("contact", "deal", "case", "order", "product")

# What stands in a field that Zoho demands of a new record and that the mapping left empty: the first of these fields that is not
# empty, else the word. Only asked for when Zoho refuses, so a repeated write never moves a deal back to its first stage.
STAND_INS: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
    "Contacts": {"Last_Name": (("First_Name", "Full_Name", "Phone", "Mobile", "Email"), "?")},
    "Leads": {
        "Last_Name": (("First_Name", "Full_Name", "Phone", "Mobile", "Email"), "?"),
        "Company": (("Last_Name", "First_Name", "Phone"), "-"),
    },
    "Deals": {
        "Deal_Name": ((), "Deal"),
        "Stage": ((), "Qualification"),
        "Closing_Date": ((), "today"),
        "Pipeline": ((), "Standard (Standard)"),
    },
    "Cases": {"Subject": (("Case_Subject",), "Conversation"), "Status": ((), "New"), "Case_Origin": ((), "Web")},
    "Sales_Orders": {"Subject": ((), "Order"), "Status": ((), "Created")},
    "Products": {"Product_Name": (("Product_Code",), "?")},
}


def person_module(settings: Settings) -> str:
    entered = settings.get("contact_module") or PEOPLE[0]
    found = next((each for each in PEOPLE if each.lower() == entered.lower()), "")
    if not found:
        raise Misconfigured(f"Setting People are kept in (contact_module) is {entered!r}; there are {' and '.join(PEOPLE)}")
    return found


def module_of(settings: Settings, kind: str) -> str:
    """Zoho's name for one of our kinds. Raises `Misconfigured` for a kind that has no place there."""
    if kind not in KINDS:
        raise Misconfigured(f"Zoho keeps no {kind!r}; there are {', '.join(KINDS)}")
    return person_module(settings) if kind == "contact" else _MODULES[kind]


def kind_of(settings: Settings, module: str) -> str:
    """Our kind for a module, '' for one that holds nothing of ours."""
    return next((kind for kind in KINDS if module_of(settings, kind) == module), "")
