"""Cells that spreadsheets open without running them. Pure."""

from __future__ import annotations

from typing import Any

# What spreadsheets take for the start of a formula or command, with their full-width twins.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "|", "%", "＝", "＋", "－", "＠", "｜", "％")
BOM = "\ufeff"


def neutralised(value: Any) -> Any:
    """Text that a spreadsheet would run gets an apostrophe in front, and so does text that begins with one, to be undone exactly.

    Numbers stay numbers.
    """
    if not isinstance(value, str):
        return value
    seen = value.lstrip(" \u3000")
    return f"'{value}" if seen.startswith((*DANGEROUS, "'")) else value
