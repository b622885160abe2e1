"""Figures of the sync, as people read them."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """0.987 as 98.7 %; a dash where nothing was counted."""
    return "–" if value is None else f"{number_format(round(value * 100, 1), 1)} %"
