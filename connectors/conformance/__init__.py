"""What every channel and every CRM adapter must hold, as functions that a test calls with an adapter and samples.

Each raises `AssertionError` with the input that broke the rule. They need no test framework and reach no network but the
server that the caller set up behind the adapter. A channel's whole list is `check_channel(kit)`.
"""

from connectors.conformance.both_ways import (
    check_comes_back,
    check_conditions,
    check_going_on,
    check_hints,
    check_lines,
    check_one_moment,
    check_patience,
    check_removals,
    check_versions,
)
from connectors.conformance.channel import RULES, Rule, Verdict, check_channel, lacking
from connectors.conformance.crms import check_apply, check_changes, check_neighbours, check_reading_back, check_schema
from connectors.conformance.damage import GARBAGE, damaged
from connectors.conformance.gates import check_gate, check_signatures
from connectors.conformance.kit import Answer, ChannelKit, FileSample, Server, Situation, TemplateSample
from connectors.conformance.promises import check_capabilities, error_of_send
from connectors.conformance.reading import MAX_KEY, check_body, check_keys_differ, check_reading
from connectors.conformance.sending import check_error_tree, little_patience

__all__ = [
    "GARBAGE",
    "MAX_KEY",
    "RULES",
    "Answer",
    "ChannelKit",
    "FileSample",
    "Rule",
    "Server",
    "Situation",
    "TemplateSample",
    "Verdict",
    "check_apply",
    "check_body",
    "check_capabilities",
    "check_comes_back",
    "check_changes",
    "check_channel",
    "check_error_tree",
    "check_gate",
    "check_keys_differ",
    "check_neighbours",
    "check_reading",
    "check_reading_back",
    "check_schema",
    "check_signatures",
    "check_conditions",
    "check_going_on",
    "check_hints",
    "check_lines",
    "check_one_moment",
    "check_patience",
    "check_removals",
    "check_versions",
    "damaged",
    "error_of_send",
    "lacking",
    "little_patience",
]
