"""Time zones as people write them, and the business day in them."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def check_time_zone(value: str) -> None:
    if value and value not in zoneinfo.available_timezones():
        raise ValidationError(_("'%(value)s' is not a time zone. Write it as in Asia/Tokyo."), params={"value": value})


def business_day(at: datetime, time_zone: str) -> date:
    """The date on the wall where the account lives."""
    return at.astimezone(zoneinfo.ZoneInfo(time_zone or "UTC")).date()
