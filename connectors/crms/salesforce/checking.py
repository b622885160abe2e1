"""The test call: does the org answer, what may the app's user do, how many calls are left, and how far the clocks are apart."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from connectors.contracts import Health
from connectors.crms.salesforce.objects import KEY
from connectors.crms.salesforce.org import Org
from connectors.crms.salesforce.preparing import objects
from connectors.crms.salesforce.schema import Described
from connectors.untrusted import Json, as_object

# Beyond this the clocks differ so much that somebody should look at this machine's.
CLOCK_ALLOWANCE = timedelta(seconds=30)


def check(org: Org) -> Health:
    """Reads the limits, and the objects' descriptions where they are not known yet. A failed call raises."""
    began = time.monotonic()
    limits = org.wire.call("GET", org.wire.path("limits"))
    took = timedelta(seconds=time.monotonic() - began)
    facts = _calls(org, limits)
    said = [f"Salesforce answers, API version {org.wire.version}"]
    if "api_left" in facts:
        said.append(f"{facts['api_left']} of {facts['api_limit']} API calls left")
    if org.wire.clock_offset is not None:
        facts["clock_offset_seconds"] = round(org.wire.clock_offset.total_seconds())
        if abs(org.wire.clock_offset) > CLOCK_ALLOWANCE:
            said.append(f"its clock is {facts['clock_offset_seconds']} s from this machine's")
    faults = [fault for name in objects(org.schema, org.person) for fault in _faults(org.schema.of(name))]
    unmade = [name for name in objects(org.schema, org.person) if org.schema.of(name).key is None]
    if unmade:
        said.append(f"{KEY} is not there yet on {', '.join(unmade)}; it is made before the first write")
    facts["objects"] = objects(org.schema, org.person)
    return Health(not faults, took, "; ".join(faults or said), facts)


def _calls(org: Org, limits: Json) -> dict[str, Any]:
    daily = as_object(limits.get("DailyApiRequests"))
    most, left = daily.get("Max"), daily.get("Remaining")
    if not isinstance(most, int) or not isinstance(left, int):
        if org.wire.usage is None:
            return {}
        most, left = org.wire.usage[1], org.wire.usage[1] - org.wire.usage[0]
    return {"api_limit": most, "api_left": max(left, 0)}


def _faults(described: Described) -> list[str]:
    """What keeps this object from being written."""
    faults = []
    if not described.writable:
        faults.append(f"The app's user may not write {described.sobject}")
    key = described.key
    if key is not None and described.sobject != "Task" and not described.upserts:
        faults.append(f"{KEY} of {described.sobject} must be both External ID and Unique")
    if key is not None and key.get("updateable") is False:
        faults.append(f"The app's user may not write {KEY} of {described.sobject}; grant it in a permission set")
    return faults
