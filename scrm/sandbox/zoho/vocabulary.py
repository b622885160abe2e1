"""The modules of an untouched account and their fields: only what a messaging integration touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class Field:
    """`target`: the modules that a lookup may point to. `unique`: no two live records share a value."""

    api_name: str
    data_type: str = "text"
    label: str = ""
    mandatory: bool = False
    read_only: bool = False
    unique: bool = False
    length: int = 255
    choices: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    custom: bool = False

    def shown(self) -> Json:
        """As the fields API describes it."""
        return {
            "api_name": self.api_name,
            "field_label": self.label or self.api_name.replace("_", " "),
            "display_label": self.label or self.api_name.replace("_", " "),
            "data_type": self.data_type,
            "system_mandatory": self.mandatory,
            "read_only": False,
            "field_read_only": self.read_only,
            "operation_type": {"web_create": True, "web_update": True, "api_create": not self.read_only, "api_update": not self.read_only},
            "unique": {"casesensitive": "false"} if self.unique else {},
            "external": None,
            "length": self.length,
            "custom_field": self.custom,
            "pick_list_values": [{"display_value": each, "actual_value": each} for each in self.choices],
            "lookup": {"module": {"api_name": self.target[0]}} if self.target else {},
        }


def from_request(given: Json) -> Field:
    """A custom field as it was asked for."""
    label = str(given.get("field_label", ""))
    choices = tuple(str(each.get("actual_value") or each.get("display_value")) for each in given.get("pick_list_values") or ())
    return Field(
        label.replace(" ", "_"),
        str(given.get("data_type", "")),
        label,
        unique="unique" in given,
        length=int(given.get("length", 255)),
        choices=choices,
        custom=True,
    )


_SYSTEM = (
    Field("id", "bigint", read_only=True),
    Field("Owner", "ownerlookup"),
    Field("Created_Time", "datetime", read_only=True),
    Field("Modified_Time", "datetime", read_only=True),
    Field("Last_Activity_Time", "datetime", read_only=True),
    Field("Tag", "text"),
    Field("Description", "textarea", length=32_000),
)
_PERSON = (
    Field("First_Name", length=40),
    Field("Last_Name", mandatory=True, length=80),
    Field("Full_Name", read_only=True),
    Field("Email", "email"),
    Field("Phone", "phone", length=30),
    Field("Mobile", "phone", length=30),
    Field("Date_of_Birth", "date"),
    Field("Email_Opt_Out", "boolean"),
    Field("Lead_Source", "picklist", choices=("-None-", "Advertisement", "Chat", "Web Research")),
)
STAGES = ("Qualification", "Needs Analysis", "Proposal/Price Quote", "Closed Won", "Closed Lost")

MODULES: dict[str, tuple[Field, ...]] = {
    "Contacts": (*_SYSTEM, *_PERSON, Field("Mailing_City"), Field("Department")),
    "Leads": (*_SYSTEM, *_PERSON, Field("Company", mandatory=True), Field("Lead_Status", "picklist", choices=("-None-", "Contacted"))),
    "Deals": (
        *_SYSTEM,
        Field("Deal_Name", mandatory=True, length=120),
        Field("Stage", "picklist", mandatory=True, choices=STAGES),
        Field("Closing_Date", "date", mandatory=True),
        Field("Amount", "currency"),
        Field("Currency", "picklist", choices=("HKD", "TWD", "JPY", "SGD", "USD")),
        Field("Probability", "integer"),
        Field("Contact_Name", "lookup", target=("Contacts",)),
    ),
    "Cases": (
        *_SYSTEM,
        Field("Subject", mandatory=True),
        Field("Status", "picklist", mandatory=True, choices=("-None-", "New", "On Hold", "Escalated", "Closed")),
        Field("Case_Origin", "picklist", mandatory=True, choices=("-None-", "Email", "Phone", "Web")),
        Field("Priority", "picklist", choices=("-None-", "High", "Medium", "Low")),
        Field("Related_To", "lookup", target=("Contacts",)),
        Field("Deal_Name", "lookup", target=("Deals",)),
        Field("Product_Name", "lookup", target=("Products",)),
        Field("Case_Number", "autonumber", read_only=True),
    ),
    "Sales_Orders": (
        *_SYSTEM,
        Field("Subject", mandatory=True),
        Field("Status", "picklist", choices=("Created", "Approved", "Delivered", "Cancelled")),
        Field("SO_Number", "autonumber", read_only=True),
        Field("Grand_Total", "formula", read_only=True),
        Field("Ordered_Items", "subform"),
        Field("Contact_Name", "lookup", target=("Contacts",)),
        Field("Deal_Name", "lookup", target=("Deals",)),
    ),
    "Products": (*_SYSTEM, Field("Product_Name", mandatory=True), Field("Product_Code"), Field("Unit_Price", "currency")),
    "Notes": (
        Field("id", "bigint", read_only=True),
        Field("Owner", "ownerlookup"),
        Field("Created_Time", "datetime", read_only=True),
        Field("Modified_Time", "datetime", read_only=True),
        Field("Note_Title", length=120),
        Field("Note_Content", "textarea", mandatory=True, length=32_000),
        Field("Parent_Id", "lookup", mandatory=True, target=("Contacts", "Leads", "Deals", "Cases", "Sales_Orders", "Products")),
    ),
}
# What takes no fields of its own, no query and no notices.
PLAIN = frozenset({"Notes"})
