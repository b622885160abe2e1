"""Who stands twice in a file, told before anything of it is loaded: its rows compared with one another as contacts are. Writes nothing.

Numbers, dates and names are read as an import reads them. A row that an import would not load is not compared.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from scrm.contacts.importing import sheets
from scrm.contacts.importing.parsing import Layout, Said, parse
from scrm.contacts.matching import batch, evidence, words
from scrm.contacts.matching.batch import Likely
from scrm.contacts.matching.collective import Pair
from scrm.contacts.matching.profile import Facts
from scrm.contacts.matching.publishing import Rules
from scrm.contacts.models import Import
from scrm.core import clock
from scrm.core.spreadsheets import neutralised

HEADERS = ("person", "line", "name", "other line", "other name", "probability", "merging would be proposed", "because")


@dataclass(slots=True)
class Compared:
    """By line of the file: `names` of all that were compared; `found` pairs, the lower line first; `groups` that are one person each."""

    names: dict[int, str] = field(default_factory=dict)
    bad: int = 0
    found: Mapping[Pair, Likely] = field(default_factory=dict)
    groups: list[frozenset[int]] = field(default_factory=list)

    @property
    def spare(self) -> int:
        """How many rows fewer there would be with one for each person."""
        return sum(len(each) - 1 for each in self.groups)

    @property
    def proposed(self) -> int:
        return sum(each.proposed for each in self.found.values())


def compare(file: Any, run: Import, rules: Rules, processes: int = 1, read: Callable[[int], None] = lambda _: None) -> Compared:
    """`run`: as `uploading.looked_at` gave it, its mapping perhaps set otherwise. `read`: is told how many rows there are to compare."""
    done = Compared()
    layout = Layout(tuple(run.columns), tuple(run.mapping), tuple(run.options.get("regions") or ()), today=clock.now().date())
    people: list[Facts] = []
    for line, cells in sheets.rows_of(file, run.kind, run.options):
        if line > int(run.options["header_row"]) and any(cell.strip() for cell in cells):
            said = parse(line, cells, layout)
            if said.bad:
                done.bad += 1
                continue
            people.append(_facts(said, rules))
            done.names[line] = said.name
    read(len(people))
    done.found = batch.find(people, rules.settings, rules.weights, processes)
    done.groups = batch.groups(done.found)
    return done


def _facts(said: Said, rules: Rules) -> Facts:
    values, settings = said.values, rules.settings

    def own(names: Iterable[str]) -> list[tuple[str, str]]:
        return [(name, str(values[f"custom.{name}"])) for name in names if values.get(f"custom.{name}")]

    def text(name: str) -> str:
        return str(values.get(name) or "")

    return Facts(
        said.line,
        said.name,
        next((value for _, value in own(settings.phonetic_fields)), ""),
        tuple(dict.fromkeys(said.numbers)),
        maybe=tuple(dict.fromkeys(each for cell in said.phones for each in cell.candidates)),
        emails=tuple(value for value, _ in said.emails),
        ids=tuple(f"{name}:{value}" for name, value in own(settings.id_fields)),
        birthday=date.fromisoformat(values["birthday"]) if values.get("birthday") else None,
        company=text("company"),
        address=text("address"),
        city=text("city"),
        postal_code=text("postal_code"),
        country=text("country"),
    )


def as_csv(done: Compared, rules: Rules) -> Iterator[str]:
    """A line a pair, those of one person together, the surest first."""
    place_of = {line: place for place, group in enumerate(done.groups, 1) for line in group}
    yield _line(HEADERS)
    for (one, other), each in sorted(done.found.items(), key=lambda pair: (place_of.get(pair[0][0], len(place_of) + 1), -pair[1].score)):
        together = place_of.get(one) if place_of.get(one) == place_of.get(other) else None
        because = "; ".join(words.sentence(line) for line in evidence.as_json(each.items, rules.weights) if line["weight"])
        score = f"{100 * each.score:.0f} %"
        yield _line((together or "", one, done.names[one], other, done.names[other], score, "yes" if each.proposed else "no", because))


def _line(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([neutralised(cell) for cell in cells])
    return out.getvalue()
