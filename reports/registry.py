"""Every report: one line each."""

from __future__ import annotations

from reports.base import Report
from reports.first_response import FirstResponse, ResponseTime

REPORTS: tuple[Report, ...] = (
    FirstResponse(),
    ResponseTime(),
)


def report(slug: str) -> Report | None:
    return next((found for found in REPORTS if found.slug == slug), None)
