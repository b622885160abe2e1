"""What a pull knows of one kind of object at one CRM, and the units in which both sides are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.contracts import Crm
from scrm.connections.models import Connection
from scrm.sync import payloads
from scrm.sync.kinds import Kind
from scrm.sync.mapping import Spec, to_theirs
from scrm.sync.models import ExternalRecord, FieldMapping, SyncPlan
from scrm.sync.resolution import Direction, Values, blank

# Several of their fields make one of ours.
_NAMES = frozenset({"first_name", "last_name", "full_name"})
# What can be written here, by kind. All else only goes out, whatever the mapping says.
PERSON = frozenset(
    {"name", "company", "country", "language", "priority", "time_zone", "birthday", "address", "city", "state", "postal_code", "notes"}
)
# What a contact has although nobody said it.
_UNSAID = {"priority": "normal", "opted_out": "false"}
ADDRESSES = frozenset({"phone", "email"})
TAGS = "tags"
ORDER = frozenset({"number", "status", "total", "currency", "placed_at", "carrier", "tracking_number", "contact", "items"})
PRODUCT = frozenset({"sku", "name", "aliases", "active"})
SALE = frozenset({"name", "stage", "amount", "currency", "closed_at", "priority", "contact"})
_GOODS = {Kind.ORDER.value: ORDER, Kind.PRODUCT.value: PRODUCT, Kind.DEAL.value: SALE, Kind.CASE.value: SALE}
# Kinds whose records can change something here.
KINDS_IN = frozenset({Kind.CONTACT.value, *_GOODS})


@dataclass(frozen=True, slots=True)
class Unit:
    """One field of ours with the fields of theirs that hold it."""

    name: str
    specs: tuple[Spec, ...]
    kind: str = Kind.CONTACT.value

    @property
    def direction(self) -> Direction:
        if not is_writable(self.name, self.kind) or not any(spec.comes_in for spec in self.specs):
            return "out"
        return "both" if any(spec.goes_out for spec in self.specs) else "in"

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(spec.target for spec in self.specs)

    def ours(self, values: Mapping[str, Any]) -> Values:
        """Our values as we write them; a default that stands for nothing is nothing until it was agreed on."""
        return tuple(to_theirs(values.get(spec.source), spec) for spec in self.specs)

    def is_empty(self, values: Mapping[str, Any]) -> bool:
        said = [values.get(spec.source) for spec in self.specs]
        return blank(said) or (self.kind == Kind.CONTACT and said == [_UNSAID.get(self.name)])

    def theirs(self, fields: Mapping[str, Any]) -> Values:
        return tuple(held(fields.get(target)) for target in self.targets)

    def base(self, record: ExternalRecord) -> tuple[Values | None, Values | None]:
        """(ours, theirs) as last agreed; None where nothing was."""
        return _known(record.base, self.targets), _known(record.seen, self.targets)


def is_unsaid(spec: Spec, mine: Any) -> bool:
    """Whether our value, as we write it, is one that a contact has although nobody said it."""
    return spec.source in _UNSAID and mine == to_theirs(_UNSAID[spec.source], spec)


def held(value: Any) -> Any:
    return "" if value is None else value


def _known(values: Mapping[str, Any] | None, targets: Sequence[str]) -> Values | None:
    if values is None or not any(target in values for target in targets):
        return None
    return tuple(held(values.get(target)) for target in targets)


def unit_name(source: str) -> str:
    return "name" if source in _NAMES else source


def is_writable(name: str, kind: str = Kind.CONTACT.value) -> bool:
    if kind != Kind.CONTACT:
        names = _GOODS.get(kind, frozenset())
        return name in names or (kind == Kind.PRODUCT and name.startswith(("name.", "price.")))
    return name in PERSON or name in ADDRESSES or name == TAGS or name.startswith("custom.") or name == "opted_out"


def units_of(specs: Iterable[Spec], kind: str = Kind.CONTACT.value) -> list[Unit]:
    """Of what is no person, each field of theirs is a unit of its own."""
    grouped: dict[str, list[Spec]] = {}
    if kind != Kind.CONTACT:
        return [Unit(spec.source, (spec,), kind) for spec in specs]
    for spec in specs:
        grouped.setdefault(unit_name(spec.source), []).append(spec)
    return [Unit(name, tuple(found)) for name, found in grouped.items()]


@dataclass(frozen=True)
class Inlet:
    """`grain`: the resolution of the CRM's times. `alive`: ids of records that were seen over there a moment ago.

    `tells`: the CRM says what changed in it; one that does not is only written to.
    """

    connection: Connection
    kind: str
    grain: timedelta
    specs: list[Spec]
    plan: SyncPlan
    units: list[Unit] = field(default_factory=list)
    alive: frozenset[str] = frozenset()
    tells: bool = True

    @classmethod
    def of(cls, connection: Connection, crm: Crm, kind: str, mappings: Sequence[FieldMapping] | None = None) -> Inlet:
        specs = payloads.specs_of(payloads.mappings_of(connection) if mappings is None else mappings, kind)
        able = crm.capabilities
        return cls(
            connection, kind, able.resolution, specs, plan_of(connection, kind), units_of(specs, kind), tells="changes" in able.feeds
        )

    @property
    def source(self) -> str:
        """Who says it, as `contacts.fields` calls it."""
        return f"crm:{self.connection.slug}"

    @property
    def regions(self) -> tuple[str, ...]:
        """Where a number without country code may belong."""
        return (self.connection.country,) if self.connection.country else ()

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(spec.source for spec in self.specs)

    @property
    def listens(self) -> bool:
        return self.tells and self.kind in KINDS_IN and any(unit.direction != "out" for unit in self.units)

    @property
    def grain_ms(self) -> int:
        return max(self.grain // timedelta(milliseconds=1), 1)


def plan_of(connection: Connection, kind: str) -> SyncPlan:
    return SyncPlan.objects.filter(connection=connection, kind=kind).first() or SyncPlan(connection=connection, kind=kind)


def kinds_in(connection: int) -> list[str]:
    """The kinds of which something comes in."""
    wanted = FieldMapping.objects.filter(connection=connection, enabled=True).exclude(direction=FieldMapping.Direction.OUT)
    found = set(wanted.values_list("kind", flat=True))
    # People first: the others hang on them.
    return [kind for kind in (Kind.CONTACT.value, *sorted(KINDS_IN - {Kind.CONTACT})) if kind in found]
