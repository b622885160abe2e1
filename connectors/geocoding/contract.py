"""What a geocoder takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from connectors.contracts import ConfigField, Health

# Places that have no postal codes (Universal Postal Union): an address there is whole without one.
_NONE = (
    "AE AG AO AW BF BH BI BJ BO BS BW BZ CF CG CI CM DJ DM FJ GA GD GH GM GN GQ GY HK JM KI KM KP ML MO MR NR QA RW SB SC SL SR ST TD TG "
    "TO TV UG VU YE ZW"
)
NO_CODES = frozenset(_NONE.split())


@dataclass(frozen=True, slots=True)
class Place:
    """An address as a person wrote it, in parts or in one line. `country` is ISO 3166, "" when unknown."""

    address: str
    city: str = ""
    state: str = ""
    country: str = ""

    @property
    def line(self) -> str:
        return " ".join(part.strip() for part in (self.state, self.city, self.address) if part.strip())


@dataclass(frozen=True, slots=True)
class Found:
    """`confidence` 0 to 1; `how` is a code of the way it was found."""

    postal_code: str
    country: str
    confidence: float
    how: str


@runtime_checkable
class Geocoder(Protocol):
    """Raises only the errors of `connectors.errors`."""

    slug: str
    label: str
    fields: Sequence[ConfigField]

    def serves(self, country: str) -> bool:
        """Whether it may know codes of this country."""

    def postal_code(self, place: Place) -> Found | None:
        """The one code of the address; None when there is none, or it is not certain which."""

    def check(self) -> Health:
        """One cheap call that shows whether it works. Raises when the call itself fails."""
