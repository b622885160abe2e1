"""Our own fields over there. They are made with the Tooling API where the app's user may do that; else the words say what to make by hand.

A field that is made this way can be seen by nobody until a permission set or profile grants it; Salesforce's own API does not tell
whether a field is missing or hidden. So after making them they are looked for again, and words say what to grant.
"""

from __future__ import annotations

from connectors.crms.salesforce.objects import CONTACT, KEY, LAST_MESSAGE, LEAD, PLACES
from connectors.crms.salesforce.refusals import code_of, errors_of, refusal
from connectors.crms.salesforce.schema import Described, Schema
from connectors.crms.salesforce.wire import Wire
from connectors.errors import Misconfigured
from connectors.untrusted import Json

KEY_LENGTH = 80
_THERE = frozenset({"DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"})


def prepare(wire: Wire, schema: Schema, person: str) -> None:
    """Make what is missing. Raises `Misconfigured` with the list of what a person must do. Safe to repeat."""
    schema.forget()
    wanted = _missing(schema, person)
    for full_name, metadata in wanted.items():
        _make(wire, full_name, metadata)
    if wanted:
        schema.forget()
    left = list(_missing(schema, person))
    if left:
        raise Misconfigured(_by_hand(left))
    unfit = [name for name in objects(schema, person) if not _is_fit(schema.of(name))]
    if unfit:
        raise Misconfigured(
            f"Salesforce's field {KEY} of {', '.join(unfit)} must be both External ID and Unique; change it in Setup, Object Manager"
        )


def objects(schema: Schema, person: str) -> list[str]:
    """The objects that hold our records; of people, where new ones go and where qualified ones end."""
    found = [PLACES[kind].sobject for kind in schema.present()]
    return [LEAD, *found] if person == LEAD else found


def _is_fit(described: Described) -> bool:
    """Activities take no unique fields everywhere: there a record is looked for before it is made."""
    return described.upserts or described.sobject == "Task"


def _missing(schema: Schema, person: str) -> dict[str, Json]:
    """{full name of a field: its definition} of what cannot be seen."""
    wanted: dict[str, Json] = {}
    holders = {place.sobject: place.fields_of for place in PLACES.values()}
    for name in objects(schema, person):
        types = schema.of(name).types
        holder = holders.get(name, name)
        if KEY not in types:
            wanted[f"{holder}.{KEY}"] = _key(unique=holder != "Activity")
        if name in {CONTACT, LEAD} and LAST_MESSAGE not in types:
            wanted[f"{holder}.{LAST_MESSAGE}"] = {
                "label": "Last Message At",
                "type": "DateTime",
                "description": "When the last message was exchanged with this person.",
            }
    return wanted


def _key(*, unique: bool) -> Json:
    return {
        "label": "Social CRM ID",
        "type": "Text",
        "length": KEY_LENGTH,
        "description": "Identifies this record in the social CRM. Do not change it.",
        **({"unique": True, "externalId": True, "caseSensitive": True} if unique else {}),
    }


def _make(wire: Wire, full_name: str, metadata: Json) -> None:
    """Create one field. One that cannot be made is told with all others afterwards."""
    body = {"FullName": full_name, "Metadata": metadata}
    try:
        reply = wire.send("POST", wire.path("tooling", "sobjects", "CustomField"), body, idempotent=False)
    except Misconfigured:
        return  # the app's user may not customize the org
    codes = {code_of(error) for error in errors_of(reply)} if not reply.ok else set[str]()
    if reply.status not in {200, 201, 400, 404, 405} and not codes & _THERE:
        raise refusal(reply)


def _by_hand(missing: list[str]) -> str:
    parts = []
    for name in missing:
        holder, _, field = name.partition(".")
        if field == LAST_MESSAGE:
            parts.append(f"{holder}: {field} (Date/Time)")
        elif holder == "Activity":
            parts.append(f"{holder}: {field} (Text {KEY_LENGTH})")
        else:
            parts.append(f"{holder}: {field} (Text {KEY_LENGTH}, External ID, Unique)")
    return (
        f"Salesforce does not show these fields to the app's user: {'; '.join(parts)}. Create them in Setup, Object Manager, "
        "or, where they exist, grant them to the user in a permission set; then press 'Save and check'"
    )
