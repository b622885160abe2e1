"""The product's settings for fault tests: LEASES=short makes what a dead worker held come back within seconds, SABOTAGE=<name> breaks
one guard on purpose, to prove that the check behind it turns red. The product itself knows neither.
"""

from __future__ import annotations

import os

from scrm.settings import *  # noqa: F403
from scrm.settings import INSTALLED_APPS, PRODUCTION

if PRODUCTION:
    raise RuntimeError("fault tests do not run in production")
if os.environ.get("SABOTAGE") or os.environ.get("LEASES"):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.apps.FaultsConfig"]
