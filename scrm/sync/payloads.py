"""What a CRM should hold for an object of ours, worked out for a whole batch with a few queries.

A value is a text, or a list of texts where several choices are meant; times are ISO 8601 in UTC with milliseconds. Which of our
fields goes into which of theirs is said by the enabled `FieldMapping` rows, and only those fields are looked up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError

from scrm.connections.models import Connection
from scrm.core.logs import trail
from scrm.sync import communications, deals, goods, people
from scrm.sync.mapping import Spec, Value, to_theirs
from scrm.sync.models import FieldMapping, Kind
from scrm.sync.order_items import ITEMS
from scrm.sync.sources import Ref, Source

logger = logging.getLogger(__name__)


LINES = (Kind.ORDER.value, ITEMS)


@dataclass(frozen=True, slots=True)
class Payload:
    """`needs` must stand in the CRM before; `links` are joined when they are there."""

    fields: dict[str, Value] = field(default_factory=dict)
    empty: frozenset[str] = frozenset()
    needs: tuple[Ref, ...] = ()
    links: tuple[Ref, ...] = ()


_LOADERS: dict[str, Callable[[Connection, Sequence[str], frozenset[str]], Mapping[str, Source]]] = {
    Kind.CONTACT: people.load,
    Kind.COMMUNICATION: communications.load,
    Kind.DEAL: deals.load,
    Kind.CASE: deals.load_cases,
    Kind.ORDER: goods.load_orders,
    Kind.PRODUCT: goods.load_products,
}

SOURCES: dict[str, tuple[str, ...]] = {
    Kind.CONTACT: people.SOURCES,
    Kind.COMMUNICATION: communications.SOURCES,
    Kind.DEAL: deals.SOURCES,
    Kind.CASE: deals.CASE_SOURCES,
    Kind.ORDER: goods.ORDER_SOURCES,
    Kind.PRODUCT: goods.PRODUCT_SOURCES,
}


def build(connection: Connection, kind: str, keys: Iterable[str], mappings: Sequence[FieldMapping]) -> dict[str, Payload]:
    """The payload of each key; a key whose object is no longer there is left out."""
    used = [spec for spec in specs_of(mappings, kind) if spec.goes_out]
    wanted = frozenset(spec.source for spec in used)
    sources = _LOADERS[kind](connection, list(keys), wanted)
    return {key: _mapped(source, used) for key, source in sources.items()}


def rendered(connection: Connection, kind: str, keys: Iterable[str], specs: Sequence[Spec]) -> dict[str, dict[str, Value]]:
    """{key: {their field: our value as we write it}} of these specs, whatever their direction."""
    sources = _LOADERS[kind](connection, list(keys), frozenset(spec.source for spec in specs))
    return {key: {spec.target: to_theirs(source.values.get(spec.source), spec) for spec in specs} for key, source in sources.items()}


def specs_of(mappings: Iterable[FieldMapping], kind: str) -> list[Spec]:
    """The mappings of a kind that are switched on. Lines of orders only come in, whatever the mapping says."""
    return [
        Spec(
            each.source,
            each.target,
            "in" if (kind, each.source) == LINES else each.direction,
            each.transform,
            each.options or {},
            each.default,
        )
        for each in mappings
        if each.kind == kind and each.enabled
    ]


def build_each(
    connection: Connection, kind: str, keys: Sequence[str], mappings: Sequence[FieldMapping]
) -> tuple[dict[str, Payload], dict[str, str]]:
    """As `build`, and the reason for each key whose object cannot be read, so that it holds up no other."""
    if not keys:
        return {}, {}
    try:
        return build(connection, kind, keys, mappings), {}
    except DatabaseError:
        raise
    except Exception as error:
        if len(keys) == 1:
            logger.error("%s %s cannot be prepared for %s: %s", kind, keys[0], connection.slug, trail(error))
            return {}, {keys[0]: f"This {kind} cannot be prepared: {type(error).__name__}: {error}"[:500]}
    parts = [build_each(connection, kind, [key], mappings) for key in keys]
    return {k: v for found, _ in parts for k, v in found.items()}, {k: v for _, broken in parts for k, v in broken.items()}


def mappings_of(connection: Connection) -> list[FieldMapping]:
    return list(FieldMapping.objects.filter(connection=connection, enabled=True))


def _mapped(source: Source, specs: Sequence[Spec]) -> Payload:
    values = {spec.target: to_theirs(source.values.get(spec.source), spec) for spec in specs}
    return Payload(
        fields={target: value for target, value in values.items() if value},
        empty=frozenset(target for target, value in values.items() if not value),
        needs=source.needs,
        links=source.links,
    )
