"""The product's settings for fault tests: LEASES=short makes what a dead worker held come back within seconds, SABOTAGE=<name> breaks
one guard on purpose, to prove that the check behind it turns red; WORKER_CLOCK=3600 sets the workers' clock an hour ahead, MAX_RSS bounds
a worker's memory in kilobytes. The product itself knows none of them.
"""

from __future__ import annotations

import os

from scrm.settings import *  # noqa: F403
from scrm.settings import INSTALLED_APPS, PRODUCTION, Q_CLUSTER

if PRODUCTION:
    raise RuntimeError("fault tests do not run in production")
if os.environ.get("MAX_RSS"):
    Q_CLUSTER["max_rss"] = int(os.environ["MAX_RSS"])
if any(os.environ.get(name) for name in ("SABOTAGE", "LEASES", "WORKER_CLOCK")):
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.apps.FaultsConfig"]
