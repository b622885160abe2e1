"""What must outlive every backup, kept at the place beside them and always newer than any: whom the business has erased.

Lines of text that are only ever added. Both sides get what the other has, so that neither a lost disk nor an empty folder loses a line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scrm.core.backup.manifests import BESIDE
from scrm.core.backup.places import Place
from scrm.core.backup.sealing import Seal


@dataclass(frozen=True, slots=True)
class Kept:
    name: str
    lines: Callable[[], list[str]]
    add: Callable[[list[str]], None]


_kept: list[Kept] = []


def keep_beside(name: str, *, lines: Callable[[], list[str]], add: Callable[[list[str]], None]) -> None:
    _kept.append(Kept(name, lines, add))


def bring_together(to: Place, seal: Seal) -> int:
    """How many lines were missing here. Safe to repeat."""
    came = 0
    for each in _kept:
        body = to.get(BESIDE + each.name)
        there: list[str] = seal.open_json(body) if body is not None else []
        here = each.lines()
        if missing := [line for line in there if line not in set(here)]:
            each.add(missing)
            came += len(missing)
        if added := [line for line in here if line not in set(there)]:
            to.put(BESIDE + each.name, seal.close_json([*there, *added]))
    return came
