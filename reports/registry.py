"""Every report: one line each."""

from __future__ import annotations

from reports.base import Report
from reports.first_response import FirstResponse, ResponseTime
from reports.satisfaction import Satisfaction

REPORTS: tuple[Report, ...] = (
    FirstResponse(),
    ResponseTime(),
    Satisfaction(),
)


def report(slug: str) -> Report | None:
    return next((found for found in REPORTS if found.slug == slug), None)
