"""The time by which leases are given and run out.

Workers on several hosts agree on one clock only: the database's. On SQLite, which one host has, it is the process's own.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Value
from django.db.models.functions import Now

from scrm.core import clock


def lease_now() -> Any:
    """Now, as a query takes it, in a filter, an update or an annotation; plus a timedelta it is a later moment."""
    if connection.vendor == "postgresql" and not clock.is_frozen():
        return Now()
    return Value(clock.now(), output_field=DateTimeField())
