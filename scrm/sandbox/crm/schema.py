"""The CRM's built-in vocabulary: object types, properties, pipelines, owners, association types.

Ids and names follow the vendor's public manual (object types, default association types, default pipelines); only what
a messaging integration touches is listed. Custom properties are rows, see `properties.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an object type. `options` are the allowed values of an enumeration, () = no restriction."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    unique: bool = False
    read_only: bool = False
    options: tuple[str, ...] = ()
    custom: bool = False


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of record. `modified` and `created` name the properties that carry the record's times."""

    name: str
    singular: str
    type_id: str
    modified: str
    created: str
    required: tuple[str, ...]
    default_properties: tuple[str, ...]
    searched: tuple[str, ...]
    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    label: str
    closed: bool = False
    probability: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    id: str
    user_id: int
    email: str
    first_name: str
    last_name: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def _system(modified: str, created: str) -> tuple[Property, ...]:
    times = {"hs_createdate": "Object create date", "hs_lastmodifieddate": "Object last modified date",
             created: "Create Date", modified: "Last Modified Date"}  # fmt: skip
    return (
        Property("hs_object_id", "Record ID", "number", "number", read_only=True),
        Property("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", read_only=True),
        *(Property(name, label, "datetime", "date", read_only=True) for name, label in times.items()),
    )


OWNER = Property("hubspot_owner_id", "Owner")

LIFECYCLE_STAGES = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other",
)  # fmt: skip
CHANNEL_TYPES = ("WHATS_APP", "SMS", "LINKEDIN_MESSAGE", "PHYSICAL_MAIL")

DEAL_STAGES = (
    Stage("appointmentscheduled", "Appointment Scheduled", probability="0.2"),
    Stage("qualifiedtobuy", "Qualified To Buy", probability="0.4"),
    Stage("presentationscheduled", "Presentation Scheduled", probability="0.6"),
    Stage("decisionmakerboughtin", "Decision Maker Bought-In", probability="0.8"),
    Stage("contractsent", "Contract Sent", probability="0.9"),
    Stage("closedwon", "Closed Won", closed=True, probability="1.0"),
    Stage("closedlost", "Closed Lost", closed=True, probability="0.0"),
)
TICKET_STAGES = (
    Stage("1", "New"), Stage("2", "Waiting on contact"), Stage("3", "Waiting on us"), Stage("4", "Closed", closed=True),
)  # fmt: skip
PIPELINES: dict[str, tuple[str, str, tuple[Stage, ...]]] = {
    "deals": ("default", "Sales Pipeline", DEAL_STAGES),
    "tickets": ("0", "Support Pipeline", TICKET_STAGES),
}

CONTACTS = ObjectType(
    "contacts", "Contact", "0-1", "lastmodifieddate", "createdate", (),
    ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    ("firstname", "lastname", "email", "phone", "mobilephone", "company", "hs_object_id"),
    (
        *_system("lastmodifieddate", "createdate"),
        Property("email", "Email", unique=True),
        Property("firstname", "First Name"),
        Property("lastname", "Last Name"),
        Property("phone", "Phone Number", field_type="phonenumber"),
        Property("mobilephone", "Mobile Phone Number", field_type="phonenumber"),
        Property("hs_whatsapp_phone_number", "WhatsApp Phone Number", field_type="phonenumber"),
        Property("company", "Company Name"),
        Property("jobtitle", "Job Title"),
        Property("address", "Street Address"),
        Property("city", "City"),
        Property("state", "State/Region"),
        Property("zip", "Postal Code"),
        Property("country", "Country/Region"),
        Property("hs_language", "Preferred language"),
        Property("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", options=LIFECYCLE_STAGES),
        Property("hs_lead_status", "Lead Status", "enumeration", "radio",
                 options=("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING")),
        Property("notes_last_contacted", "Last Contacted", "datetime", "date", read_only=True),
        OWNER,
    ),
)  # fmt: skip
DEALS = ObjectType(
    "deals", "Deal", "0-3", "hs_lastmodifieddate", "createdate", (),
    ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline"),
    ("dealname", "description", "hs_object_id"),
    (
        *_system("hs_lastmodifieddate", "createdate"),
        Property("dealname", "Deal Name"),
        Property("dealstage", "Deal Stage", "enumeration", "radio", options=tuple(stage.id for stage in DEAL_STAGES)),
        Property("pipeline", "Pipeline", "enumeration", "select", options=("default",)),
        Property("amount", "Amount", "number", "number"),
        Property("deal_currency_code", "Currency"),
        Property("closedate", "Close Date", "datetime", "date"),
        Property("dealtype", "Deal Type", "enumeration", "radio", options=("newbusiness", "existingbusiness")),
        Property("description", "Deal Description", field_type="textarea"),
        Property("hs_priority", "Priority", "enumeration", "select", options=("low", "medium", "high")),
        Property("num_associated_contacts", "Number of Associated Contacts", "number", "number", read_only=True),
        OWNER,
    ),
)  # fmt: skip
COMMUNICATIONS = ObjectType(
    "communications", "Communication", "0-18", "hs_lastmodifieddate", "hs_createdate", ("hs_timestamp",),
    ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    ("hs_communication_body", "hs_object_id"),
    (
        *_system("hs_lastmodifieddate", "hs_createdate"),
        Property("hs_communication_channel_type", "Channel", "enumeration", "select", options=CHANNEL_TYPES),
        Property("hs_communication_logged_from", "Logged From", "enumeration", "select", options=("CRM",)),
        Property("hs_communication_body", "Body", field_type="html"),
        Property("hs_body_preview", "Body Preview", read_only=True),
        Property("hs_timestamp", "Activity date", "datetime", "date"),
        OWNER,
    ),
)  # fmt: skip
TICKETS = ObjectType(
    "tickets", "Ticket", "0-5", "hs_lastmodifieddate", "createdate", ("hs_pipeline_stage",),
    ("content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "subject"),
    ("subject", "content", "hs_object_id"),
    (
        *_system("hs_lastmodifieddate", "createdate"),
        Property("subject", "Ticket name"),
        Property("content", "Ticket description", field_type="textarea"),
        Property("hs_pipeline", "Pipeline", "enumeration", "select", options=("0",)),
        Property("hs_pipeline_stage", "Ticket status", "enumeration", "radio", options=tuple(stage.id for stage in TICKET_STAGES)),
        Property("hs_ticket_priority", "Priority", "enumeration", "select", options=("LOW", "MEDIUM", "HIGH", "URGENT")),
        Property("hs_ticket_category", "Category", "enumeration", "checkbox",
                 options=("PRODUCT_ISSUE", "BILLING_ISSUE", "FEATURE_REQUEST", "GENERAL_INQUIRY")),
        OWNER,
    ),
)  # fmt: skip
NOTES = ObjectType(
    "notes", "Note", "0-46", "hs_lastmodifieddate", "hs_createdate", ("hs_timestamp",),
    ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    ("hs_note_body", "hs_object_id"),
    (
        *_system("hs_lastmodifieddate", "hs_createdate"),
        Property("hs_note_body", "Note body", field_type="html"),
        Property("hs_timestamp", "Activity date", "datetime", "date"),
        OWNER,
    ),
)  # fmt: skip

ORDERS = ObjectType(
    "orders", "Order", "0-123", "hs_lastmodifieddate", "hs_createdate", (),
    ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    ("hs_order_name", "hs_external_order_id", "hs_object_id"),
    (
        *_system("hs_lastmodifieddate", "hs_createdate"),
        Property("hs_order_name", "Name"),
        Property("hs_external_order_id", "External Order ID"),
        Property("hs_currency_code", "Currency Code"),
        Property("hs_total_price", "Total Price", "number", "number"),
        Property("hs_subtotal_price", "Subtotal Price", "number", "number"),
        Property("hs_fulfillment_status", "Fulfillment Status"),
        Property("hs_payment_status", "Payment Status"),
        Property("hs_pipeline", "Pipeline"),
        Property("hs_pipeline_stage", "Stage"),
        Property("hs_external_created_date", "External Created Date", "datetime", "date"),
        Property("hs_source_store", "Source Store"),
        Property("hs_shipping_tracking_number", "Shipping Tracking Number"),
        Property("hs_shipping_status_url", "Shipping Status URL"),
        OWNER,
    ),
)  # fmt: skip
PRODUCTS = ObjectType(
    "products", "Product", "0-7", "hs_lastmodifieddate", "createdate", ("name",),
    ("createdate", "description", "hs_lastmodifieddate", "hs_object_id", "name", "price"),
    ("name", "description", "price", "hs_sku"),
    (
        *_system("hs_lastmodifieddate", "createdate"),
        Property("name", "Name"),
        Property("hs_sku", "SKU", unique=True),
        Property("price", "Unit price", "number", "number"),
        Property("description", "Product description", field_type="textarea"),
        Property("hs_cost_of_goods_sold", "Unit cost", "number", "number"),
        OWNER,
    ),
)  # fmt: skip
LINE_ITEMS = ObjectType(
    "line_items", "Line item", "0-8", "hs_lastmodifieddate", "createdate", (),
    ("createdate", "hs_lastmodifieddate", "hs_object_id", "hs_product_id", "quantity"),
    ("name", "hs_sku", "hs_object_id"),
    (
        *_system("hs_lastmodifieddate", "createdate"),
        Property("name", "Name"),
        Property("hs_sku", "SKU"),
        Property("hs_product_id", "Product ID", "number", "number"),
        Property("quantity", "Quantity", "number", "number"),
        Property("price", "Unit price", "number", "number"),
        Property("description", "Description", field_type="textarea"),
    ),
)  # fmt: skip
# What a line item takes over from the product that it is made of.
TAKEN_FROM_PRODUCT = ("name", "hs_sku", "price", "description")

OBJECT_TYPES: dict[str, ObjectType] = {
    kind.name: kind for kind in (CONTACTS, DEALS, COMMUNICATIONS, TICKETS, NOTES, ORDERS, PRODUCTS, LINE_ITEMS)
}
ALIASES: dict[str, str] = {
    spelling: kind.name for kind in OBJECT_TYPES.values() for spelling in (kind.name, kind.name[:-1], kind.type_id)
}  # fmt: skip

# The vendor's default (unlabelled) association types, by direction.
ASSOCIATION_TYPES: dict[tuple[str, str], int] = {
    ("contacts", "contacts"): 449, ("contacts", "deals"): 4, ("deals", "contacts"): 3,
    ("contacts", "tickets"): 15, ("tickets", "contacts"): 16, ("deals", "tickets"): 27, ("tickets", "deals"): 28,
    ("communications", "contacts"): 81, ("contacts", "communications"): 82,
    ("communications", "tickets"): 84, ("tickets", "communications"): 83,
    ("communications", "deals"): 85, ("deals", "communications"): 86,
    ("notes", "contacts"): 202, ("contacts", "notes"): 201, ("notes", "deals"): 214, ("deals", "notes"): 213,
    ("notes", "tickets"): 228, ("tickets", "notes"): 227,
    ("orders", "contacts"): 507, ("contacts", "orders"): 508, ("orders", "line_items"): 513, ("line_items", "orders"): 514,
}  # fmt: skip

# Labels that this account's people gave: {type: (category, from, to, label)}. The vendor keeps a record's label beside the default type.
LABELS: dict[int, tuple[str, str, str, str]] = {71: ("USER_DEFINED", "deals", "contacts", "Primary")}

OWNERS = (
    Owner("71000001", 51000001, "meilin.wong@harbourlane.example", "Mei Lin", "Wong"),
    Owner("71000002", 51000002, "yating.chen@harbourlane.example", "Ya-Ting", "Chen"),
    Owner("71000003", 51000003, "haruka.sato@harbourlane.example", "Haruka", "Sato"),
    Owner("71000004", 51000004, "darren.lim@harbourlane.example", "Darren", "Lim"),
)
