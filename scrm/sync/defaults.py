"""What a new CRM connection starts with: mappings that work in an untouched account, and the names of deal stages."""

from __future__ import annotations

from django.db import transaction

from connectors.contracts import Crm
from scrm.connections import services as connections
from scrm.connections.models import Connection
from scrm.sync.models import FieldMapping, Kind
from scrm.sync.person_ids import CONTACT

# (object, our field, their field). HubSpot: all but those that begin with scrm, which our `prepare` creates, are in every account.
MAPPINGS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "hubspot": (
        (Kind.CONTACT, "first_name", "firstname"),
        (Kind.CONTACT, "last_name", "lastname"),
        (Kind.CONTACT, "phone", "phone"),
        (Kind.CONTACT, "email", "email"),
        (Kind.CONTACT, "company", "company"),
        (Kind.CONTACT, "last_message_at", "scrm_last_message_at"),
        (Kind.CONTACT, "priority", "scrm_priority"),
        (Kind.COMMUNICATION, "body_html", "hs_communication_body"),
        (Kind.COMMUNICATION, "last_message_at", "hs_timestamp"),
        (Kind.DEAL, "name", "dealname"),
        (Kind.DEAL, "amount", "amount"),
        (Kind.DEAL, "currency", "deal_currency_code"),
        (Kind.DEAL, "stage", "dealstage"),
        (Kind.DEAL, "closed_at", "closedate"),
        (Kind.DEAL, "summary", "description"),
        (Kind.CASE, "name", "subject"),
        (Kind.CASE, "summary", "content"),
        (Kind.CASE, "stage", "hs_pipeline_stage"),
    ),
    # A webhook has no fields of its own: ours go out under our names.
    "bridge": (
        (Kind.CONTACT, "first_name", "first_name"),
        (Kind.CONTACT, "last_name", "last_name"),
        (Kind.CONTACT, "full_name", "full_name"),
        (Kind.CONTACT, "phone", "phone"),
        (Kind.CONTACT, "email", "email"),
        (Kind.CONTACT, "company", "company"),
        (Kind.CONTACT, "tags", "tags"),
        (Kind.CONTACT, "priority", "priority"),
        (Kind.CONTACT, "last_message_at", "last_message_at"),
        (Kind.COMMUNICATION, "body", "body"),
        (Kind.COMMUNICATION, "channel", "channel"),
        (Kind.COMMUNICATION, "last_message_at", "last_message_at"),
        (Kind.DEAL, "name", "name"),
        (Kind.DEAL, "amount", "amount"),
        (Kind.DEAL, "currency", "currency"),
        (Kind.DEAL, "stage", "stage"),
        (Kind.DEAL, "closed_at", "closed_at"),
        *((Kind.DEAL, name, name) for name in ("sku", "product", "price_band", "intent")),
        *((Kind.CASE, name, name) for name in ("name", "status", "priority", "sku", "product", "price_band", "intent", "opened_at")),
    ),
    # Scrm_Last_Message_At__c is made by `prepare`; a contact there has an account in place of a company's name.
    "salesforce": (
        (Kind.CONTACT, "first_name", "FirstName"),
        (Kind.CONTACT, "last_name", "LastName"),
        (Kind.CONTACT, "phone", "Phone"),
        (Kind.CONTACT, "email", "Email"),
        (Kind.CONTACT, "last_message_at", "Scrm_Last_Message_At__c"),
        (Kind.COMMUNICATION, "body", "Description"),
        (Kind.COMMUNICATION, "date", "ActivityDate"),
        (Kind.DEAL, "name", "Name"),
        (Kind.DEAL, "amount", "Amount"),
        (Kind.DEAL, "stage", "StageName"),
        (Kind.DEAL, "closed_at", "CloseDate"),
        (Kind.DEAL, "summary", "Description"),
        (Kind.CASE, "name", "Subject"),
        (Kind.CASE, "summary", "Description"),
        (Kind.CASE, "stage", "Status"),
        (Kind.CASE, "contact", "ContactId"),
    ),
    # Zoho: all but those that begin with Scrm are in every account. A currency is only where several are switched on, so it is not here.
    "zoho": (
        (Kind.CONTACT, "first_name", "First_Name"),
        (Kind.CONTACT, "last_name", "Last_Name"),
        (Kind.CONTACT, "phone", "Phone"),
        (Kind.CONTACT, "email", "Email"),
        (Kind.CONTACT, "priority", "Scrm_Priority"),
        (Kind.CONTACT, "tags", "Tag"),
        (Kind.CONTACT, "last_message_at", "Scrm_Last_Message_At"),
        (Kind.COMMUNICATION, "body", "Note_Content"),
        (Kind.DEAL, "name", "Deal_Name"),
        (Kind.DEAL, "amount", "Amount"),
        (Kind.DEAL, "stage", "Stage"),
        (Kind.DEAL, "closed_at", "Closing_Date"),
        (Kind.DEAL, "summary", "Description"),
        (Kind.CASE, "name", "Subject"),
        (Kind.CASE, "summary", "Description"),
        (Kind.DEAL, "contact", "Contact_Name"),
        (Kind.CASE, "stage", "Status"),
        (Kind.CASE, "contact", "Related_To"),
    ),
}
# What the set-up proposes for orders and products, which a connection begins without: not every company has them, or in these fields.
PROPOSED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "hubspot": (
        (Kind.ORDER, "number", "hs_external_order_id"),
        (Kind.ORDER, "status", "hs_fulfillment_status"),
        (Kind.ORDER, "total", "hs_total_price"),
        (Kind.ORDER, "currency", "hs_currency_code"),
        (Kind.ORDER, "placed_at", "hs_external_created_date"),
        (Kind.ORDER, "tracking_number", "hs_shipping_tracking_number"),
        (Kind.ORDER, "items", "line_items"),
        (Kind.PRODUCT, "sku", "hs_sku"),
        (Kind.PRODUCT, "name", "name"),
    ),
    "salesforce": (
        (Kind.ORDER, "number", "OrderNumber"),
        (Kind.ORDER, "status", "Status"),
        (Kind.ORDER, "total", "TotalAmount"),
        (Kind.ORDER, "contact", "BillToContactId"),
        (Kind.ORDER, "items", "OrderItems"),
        (Kind.PRODUCT, "sku", "ProductCode"),
        (Kind.PRODUCT, "name", "Name"),
        (Kind.PRODUCT, "active", "IsActive"),
    ),
    "zoho": (
        (Kind.ORDER, "number", "SO_Number"),
        (Kind.ORDER, "status", "Status"),
        (Kind.ORDER, "total", "Grand_Total"),
        (Kind.ORDER, "contact", "Contact_Name"),
        (Kind.ORDER, "items", "Ordered_Items"),
        (Kind.PRODUCT, "sku", "Product_Code"),
        (Kind.PRODUCT, "name", "Product_Name"),
    ),
}
# Which of these come from the CRM as well: what people there correct of a person.
BOTH_WAYS = frozenset({"first_name", "last_name", "phone", "email", "company"})
# Of a deal what sellers there move on; of a case, and of whom both are about, all that is known is what the CRM says.
SALES_BOTH_WAYS = frozenset({"stage", "amount", "closed_at"})
_SAID_THERE = frozenset(
    {(Kind.CASE.value, "stage"), (Kind.CASE.value, "contact"), (Kind.DEAL.value, "contact"), (Kind.ORDER.value, "items")}
)
# The stages of a pipeline that nobody changed; the settings deal_stage_won and deal_stage_lost of the connection say otherwise.
STAGES: dict[str, dict[str, str]] = {
    "hubspot": {"won": "closedwon", "lost": "closedlost"},
    "salesforce": {"won": "Closed Won", "lost": "Closed Lost"},
    "zoho": {"won": "Closed Won", "lost": "Closed Lost"},
}

PREPARED = "prepared_for"
# Where an adapter has learned to make more: what was prepared before is prepared once more.
_LEARNED = {"hubspot": ":2"}


def stage_of(connection: Connection, outcome: str) -> str:
    """The CRM's name of the stage for a "won" or "lost" deal, '' when it is not known: then the stage is left alone."""
    own = str((connection.settings or {}).get(f"deal_stage_{outcome}", ""))
    return own or STAGES.get(connection.adapter, {}).get(outcome, "")


@transaction.atomic
def install_mappings(connection: Connection) -> int:
    """Give a connection without any mapping the default ones. Safe to repeat; never touches what a person set up."""
    if FieldMapping.objects.filter(connection=connection).exists():
        return 0
    rows = [
        FieldMapping(connection=connection, kind=kind, source=ours, target=theirs, direction=direction_of(connection.adapter, kind, ours))
        for kind, ours, theirs in MAPPINGS.get(connection.adapter, ())
    ]
    FieldMapping.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def direction_of(adapter: str, kind: str, ours: str) -> str:
    """The direction that a mapping of a new connection begins with."""
    if (kind, ours) in _SAID_THERE or ours == CONTACT:
        return FieldMapping.Direction.IN.value
    both = (kind == Kind.CONTACT and ours in BOTH_WAYS) or (kind == Kind.DEAL and ours in SALES_BOTH_WAYS and adapter != "bridge")
    return (FieldMapping.Direction.BOTH if both else FieldMapping.Direction.OUT).value


def make_ready(connection: Connection, crm: Crm) -> None:
    """Before the first write with these credentials: our own fields over there, the default mappings here. Raises connector errors."""
    mark = connections.fingerprint(connection)[:16] + _LEARNED.get(connection.adapter, "")
    if (connection.facts or {}).get(PREPARED) == mark:
        return
    install_mappings(connection)
    crm.prepare()
    connections.remember_facts(connection, {PREPARED: mark})


def prepare_again(connection: Connection) -> None:
    """Before the next call: a kind that is mapped only now may not have been within reach of these credentials when they were entered."""
    connections.remember_facts(connection, {PREPARED: None})
