"""Any CRM with a REST interface in JSON, set up without code: paths, log-in, paging and JSON pointers (RFC 6901).

What such servers do and this connector survives:

- Unknown query parameters are ignored: every row is checked against what was asked.
- Thousands of rows have one modification time: pages never follow the time, and the next run begins before the last one's newest row.
- Some objects have no modification time: every run reads the list, and a fingerprint of each row is its version.
- Deletes leave no trace: the list is compared with the ids that we know, and what is missing is asked for by itself before it counts.
- Nothing unique can be created: records are found by our key where a field holds it, else by the link that we keep.

The capabilities follow from the set-up. Guide: docs/connectors/rest.md.
"""

from connectors.crms.rest.adapter import RestCrm
from connectors.crms.rest.definition import FORMATS, KINDS, RESOLUTIONS, STYLES, Definition, KindSetup, parse
from connectors.crms.rest.examples import EXAMPLES, PLAIN
from connectors.crms.rest.trial import Trial, try_kind

__all__ = [
    "EXAMPLES",
    "FORMATS",
    "KINDS",
    "PLAIN",
    "RESOLUTIONS",
    "STYLES",
    "Definition",
    "KindSetup",
    "RestCrm",
    "Trial",
    "parse",
    "try_kind",
]
