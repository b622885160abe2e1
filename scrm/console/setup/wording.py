"""What may be connected, and what the fields of ours are called, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from scrm.contacts.records import CUSTOM, PERSON_FIELDS, label_of

# Icon, and in one line what one needs to have ready.
INTRODUCTIONS: dict[str, tuple[str, str | Promise]] = {
    "whatsapp_cloud": (
        "chat",
        _("A number on Meta's own platform. Have ready: the phone number id, the account id, a permanent token, the app secret."),
    ),
    "whatsapp_bsp": ("hub", _("A WhatsApp number at a provider that speaks Meta's format under its own address and key.")),
    "chatapi": ("dns", _("A gateway with simple addresses for sending and receiving, its address and token.")),
    "line": ("forum", _("An official LINE account. Have ready: the channel access token and the channel secret.")),
    "hubspot": ("cloud", _("HubSpot. Have ready: the access token of an app in your account.")),
    "salesforce": ("cloud", _("Salesforce. Have ready: the My Domain address and a connected app's id and secret.")),
    "zoho": ("cloud", _("Zoho CRM. Have ready: your data centre, a client's id and secret, and a refresh token.")),
    "rest": ("api", _("Any customer database with a REST interface: addresses and fields are set up here, without code.")),
    "bridge": ("webhook", _("Zapier, Make, Pabbly or your own program: what happens here is sent to an address of yours, signed.")),
    "google_maps": ("location_on", _("Postal codes by Google Maps. Have ready: a key for the Geocoding API.")),
}
NAMES: dict[str, str | Promise] = {
    "whatsapp_cloud": "WhatsApp (Cloud API)",
    "whatsapp_bsp": _("WhatsApp through a provider"),
    "chatapi": _("WhatsApp through a gateway"),
    "line": "LINE",
    "hubspot": "HubSpot",
    "salesforce": "Salesforce",
    "zoho": "Zoho CRM",
    "rest": _("Any REST interface"),
    "bridge": _("Zapier, Make, Pabbly, webhook"),
    "google_maps": "Google Maps",
}
# Where the vendor keeps what is asked for, step by step.
FOUND_AT: dict[str, tuple[str | Promise, ...]] = {
    "hubspot": (
        _("In HubSpot open Settings, Integrations, private or developer apps, and make an app."),
        _(
            "Give it these scopes to read and write: crm.objects.contacts, crm.objects.deals, tickets, crm.schemas.contacts, "
            "crm.schemas.deals; for orders also crm.objects.orders, crm.schemas.orders, crm.objects.products, and to read "
            "crm.objects.line_items."
        ),
        _("Copy the app's access token and enter it here."),
    ),
    "salesforce": (
        _("Setup, Users: make a user for the app alone, with a licence that may use the API."),
        _(
            "Setup, Permission Sets: give that user API Enabled; read, create and edit on contacts, opportunities, cases and tasks; and "
            "Customize Application until our fields are made."
        ),
        _(
            "Setup, App Manager, New External Client App: enable OAuth with the scope api, tick Enable Client Credentials Flow, and under "
            "Policies choose that user as Run As. Copy the consumer key and secret."
        ),
        _("Setup, My Domain shows the address, such as https://acme.my.salesforce.com."),
    ),
    "zoho": (
        _("Look at the address of your Zoho CRM: what follows “crm.zoho.” is the data centre, such as com, eu or jp."),
        _("Open api-console.zoho.com, with your data centre at the end; choose Self Client and copy its client ID and client secret."),
        _(
            "There, under Generate Code, enter these scopes and copy the code: ZohoCRM.modules.ALL,ZohoCRM.settings.fields.ALL,"
            "ZohoCRM.coql.READ,ZohoCRM.notifications.ALL,ZohoCRM.modules.notes.ALL"
        ),
        _(
            "Within ten minutes turn the code into a refresh token: curl https://accounts.zoho.com/oauth/v2/token -d "
            "grant_type=authorization_code -d client_id=… -d client_secret=… -d code=…"
        ),
    ),
}
_FIELDS: dict[str, str | Promise] = {
    "first_name": _("given name"),
    "last_name": _("family name"),
    "full_name": _("whole name"),
    "phone": _("phone number"),
    "email": _("e-mail"),
    "whatsapp_user_id": _("WhatsApp user id"),
    "username": _("user name"),
    "tags": _("tags"),
    "last_message_at": _("time of the last message"),
    "first_message_at": _("time of the first message"),
    "opted_out": _("wants no messages (yes/no)"),
    "scrm_id": _("our id"),
    "body": _("text of the conversation"),
    "body_html": _("text of the conversation, formatted"),
    "messages": _("number of messages"),
    "channel": _("channel"),
    "date": _("day"),
    "name": _("name"),
    "amount": _("amount"),
    "currency": _("currency"),
    "stage": _("stage"),
    "opened_at": _("opened"),
    "closed_at": _("closed"),
    "number": _("number"),
    "status": _("state"),
    "subject": _("subject"),
    "description": _("description"),
    "sku": _("product code"),
    "price": _("price"),
    "intent": _("intent"),
    "contact": _("person it belongs to"),
    "product": _("product"),
    "price_band": _("price band"),
    "summary": _("summary"),
    "total": _("total"),
    "placed_at": _("time of the order"),
    "lines": _("order lines, as text"),
    "items": _("order lines"),
    "carrier": _("carrier"),
    "tracking_number": _("tracking number"),
    "aliases": _("other names"),
    "active": _("on sale"),
}


def name_of(adapter: str) -> str:
    return str(NAMES.get(adapter, adapter))


def introduction_of(adapter: str) -> tuple[str, str]:
    icon, words = INTRODUCTIONS.get(adapter, ("cable", ""))
    return icon, str(words)


def found_at(adapter: str) -> tuple[str, ...]:
    return tuple(map(str, FOUND_AT.get(adapter, ())))


def field_label(source: str) -> str:
    """Our field, as the reader calls it; a further field by its own name."""
    if source in _FIELDS:
        return capfirst(str(_FIELDS[source]))
    if source in PERSON_FIELDS:
        return capfirst(label_of(source))
    group, _dot, part = source.partition(".")
    if group in _FIELDS and part:
        return f"{capfirst(str(_FIELDS[group]))} ({part.replace('_', '-')})"
    return source.removeprefix(CUSTOM).replace("_", " ")
