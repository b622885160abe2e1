"""All rules for channels in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from connectors.conformance import gates, holdings, promises, reading, sending
from connectors.conformance.kit import ChannelKit

Rule: TypeAlias = "Callable[[ChannelKit], None]"

# What a rule needs of a kit besides its server.
_NEEDS: dict[Rule, str] = {
    sending.recognises_a_repeat: "repeated",
    sending.tells_no_secret: "echo",
    holdings.fetches_files: "file",
    holdings.tells_lost_files: "file",
    holdings.keeps_the_key_at_home: "file",
    holdings.stays_on_the_road: "file",
    holdings.lists_all_templates: "templates",
    holdings.measures_its_check: "healthy",
    holdings.marks_as_read: "read",
}
_PLAIN: tuple[Rule, ...] = (*reading.RULES, *gates.RULES, *promises.RULES)
RULES: tuple[Rule, ...] = (*_PLAIN, *sending.RULES, *_NEEDS, sending.ends_as_arranged)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rules that held, and those that could not be asked, with what the kit lacks for them."""

    held: Sequence[str]
    left_out: Mapping[str, str]


def lacking(kit: ChannelKit, rule: Rule) -> str:
    """What the kit lacks for a rule, or ''."""
    if rule is sending.ends_as_arranged:
        return "" if kit.situations else "situations"
    if kit.server is None and rule not in _PLAIN:
        return "server"
    part = _NEEDS.get(rule, "")
    return part if part and getattr(kit, part) is None else ""


def check_channel(kit: ChannelKit) -> Verdict:
    """Hold a channel to every rule that its kit allows. Raises `AssertionError` at the first that is broken, naming it."""
    held: list[str] = []
    left_out: dict[str, str] = {}
    for rule in RULES:
        if part := lacking(kit, rule):
            left_out[rule.__name__] = part
            continue
        try:
            rule(kit)
        except AssertionError as broken:
            raise AssertionError(f"{rule.__name__}: {broken}") from broken
        held.append(rule.__name__)
    return Verdict(held, left_out)
