"""Applies LEASES and SABOTAGE in every process of a system under test."""

from __future__ import annotations

import os

from django.apps import AppConfig


class FaultsConfig(AppConfig):
    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        from tests.faults import sabotage

        if os.environ.get("LEASES") == "short":
            sabotage.shorten_leases()
        if name := os.environ.get("SABOTAGE"):
            sabotage.SABOTAGES[name]()
