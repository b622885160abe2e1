"""Applies LEASES, SABOTAGE and WORKER_CLOCK in every process of a system under test."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        from tests.faults import sabotage

        if os.environ.get("LEASES") == "short":
            sabotage.shorten_leases()
        if (skew := os.environ.get("WORKER_CLOCK")) and "work" in sys.argv[1:2]:
            set_clock(float(skew))
        if name := os.environ.get("SABOTAGE"):
            sabotage.SABOTAGES[name]()


def set_clock(seconds: float) -> None:
    """The workers' clock is that much ahead of everybody else's."""
    from scrm.core import clock

    clock.now = lambda: clock._frozen or datetime.now(UTC) + timedelta(seconds=seconds)
