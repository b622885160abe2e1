"""How the admin theme looks: title, colours, the menu."""

from __future__ import annotations

from typing import Any

UNFOLD: dict[str, Any] = {"SITE_TITLE": "SCRM", "SITE_HEADER": "SCRM"}
