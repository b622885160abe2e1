"""What can be done in a conversation on its channel, so that the console offers nothing that the platform does not know."""

from __future__ import annotations

from dataclasses import dataclass

from scrm.connections.models import Connection
from scrm.connections.services import capabilities_of

FILES = {"image": "image/*", "video": "video/*", "audio": "audio/*", "document": "*/*"}


@dataclass(frozen=True, slots=True)
class Abilities:
    """`accept`: the browser's list of files to choose from, empty when none can be sent."""

    react: bool
    locate: bool
    choose: bool
    accept: str
    templates: bool
    typing: bool
    text_limit: int


def abilities_of(connection: Connection) -> Abilities:
    can = capabilities_of(connection)
    files = [pattern for kind, pattern in FILES.items() if kind in can.kinds]
    return Abilities(
        react="reaction" in can.kinds,
        locate="location" in can.kinds,
        choose="interactive" in can.kinds,
        accept="*/*" if "*/*" in files else ",".join(files),
        templates="template" in can.kinds,
        typing=can.read_marks,
        text_limit=can.text_limit,
    )
