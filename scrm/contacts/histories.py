"""What hangs on people in the apps above, as far as a merge must know of it.

Each app says in `ready` which of its rows belong to a contact. Rows that are written for whoever has an address now go home with the
address when a merge is taken back; rows that are written on the record itself stay where they are, and readers read the whole family.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class History:
    """`contact`: the path to the contact. `goes`: `by_identity` rows go home with their address, `by_event` ones with their event.

    `counter`: how many rows these people have, where no path leads from a row to its contact.
    """

    name: str
    label: Any
    model: type[Model]
    contact: str = "contact"
    goes: Literal["by_identity", "by_event", "stays"] = "stays"
    counted: bool = True
    counter: Callable[[Collection[int]], int] | None = None

    def rows(self) -> Any:
        return self.model._default_manager.all()

    def count(self, contact_ids: Collection[int]) -> int:
        if self.counter is not None:
            return self.counter(contact_ids)
        return int(self.rows().filter(**{f"{self.contact}__in": contact_ids}).count())

    def mark(self) -> int:
        """The newest row there is. Whoever writes for a person holds their lock, so what comes after a merge has a higher number."""
        newest = self.rows().order_by("-pk").values_list("pk", flat=True).first()
        return int(newest or 0)

    def send_home(self, home: int, identities: Collection[int], elsewhere: Collection[int], since: int) -> int:
        """Give `home` the rows since `since` that stand on others of the family although they belong to it."""
        rows = self.rows().filter(contact__in=elsewhere, pk__gt=since)
        mine = rows.filter(identity__in=identities) if self.goes == "by_identity" else rows.filter(event__contact=home)
        return int(mine.update(contact=home)) if self.goes == "by_event" or identities else 0


_histories: dict[str, History] = {}


def register(history: History) -> History:
    """Make it known; registering a name again replaces it. Rows `by_event` must be registered after events, which are there first."""
    _histories[history.name] = history
    return history


def histories() -> list[History]:
    return list(_histories.values())


def wandering() -> list[History]:
    return [history for history in _histories.values() if history.goes != "stays"]
