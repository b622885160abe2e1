"""Message templates, read from the platform; and their text with the variables filled in."""

from __future__ import annotations

import logging
import re
from typing import Any

from connectors.errors import ConnectorError
from scrm.connections.models import Connection
from scrm.connections.services import channel_of, is_callable_now
from scrm.conversations.models import MessageTemplate
from scrm.core import clock

logger = logging.getLogger(__name__)

PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class MissingVariable(Exception):
    """A place of the template has no value; the text names it."""


def sync_templates(connection: Connection) -> int:
    """Take over all templates of an account; those that are gone there are marked disabled here. Returns how many there are."""
    now = clock.now()
    seen = []
    for item in channel_of(connection).templates():
        fields = {
            "category": str(item.get("category", ""))[:20],
            "status": str(item.get("status", ""))[:20],
            "components": item.get("components", []),
            "external_id": str(item.get("external_id", ""))[:60],
            "synced_at": now,
        }
        row, _ = MessageTemplate.objects.update_or_create(
            connection=connection, name=item["name"], language=item["language"], defaults=fields
        )
        seen.append(row.pk)
    MessageTemplate.objects.filter(connection=connection).exclude(pk__in=seen).update(status="DISABLED", synced_at=now)
    return len(seen)


def sync_all() -> None:
    for connection in Connection.objects.filter(kind="channel", state=Connection.State.ACTIVE):
        if not is_callable_now(connection, clock.now()):
            continue
        try:
            sync_templates(connection)
        except ConnectorError as error:
            logger.warning("templates of %s not read: %s", connection.slug, error)


def places(template: MessageTemplate) -> list[str]:
    """The variables of the body in their order of first appearance: ["1", "2"] or ["name", ...]."""
    return list(dict.fromkeys(PLACE.findall(template.body)))


def render(template: MessageTemplate, values: dict[str, str]) -> str:
    """The text a person will read. Values are put in as they are: nothing in them is ever evaluated."""
    for place in places(template):
        if not values.get(place, "").strip():
            raise MissingVariable(place)
    return PLACE.sub(lambda match: values[match.group(1)], template.body)


def content_for(template: MessageTemplate, values: dict[str, str]) -> dict[str, Any]:
    """The content of a template message for `services.queue_message`."""
    names = places(template)
    parameters: list[dict[str, str]] = []
    for name in names:
        parameter = {"type": "text", "text": " ".join(values[name].split())}
        parameters.append(parameter if name.isdigit() else {**parameter, "parameter_name": name})
    components = [{"type": "body", "parameters": parameters}] if parameters else []
    return {"name": template.name, "language": template.language, "components": components}


def category_of(template: MessageTemplate) -> str:
    """Our category for the law. What the platform calls neither utility nor authentication counts as a promotion."""
    return {"UTILITY": "utility", "AUTHENTICATION": "authentication"}.get(template.category.upper(), "marketing")
