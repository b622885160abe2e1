"""Salesforce, REST API.

Manual: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/

- An org answers at its own address; the token's answer names it. A token lives as long as the org's sessions do, which is not told.
- 200 records a write call, one answer for each in order; an upsert by our unique External Id never makes a second record.
- Queries compare times by the second, and rows of long transactions appear late. Nothing refuses a stale write but for single rows,
  weakly, by whole seconds.
- Calls are counted over 24 hours for the whole org; when they are used up, every call is refused with 403 and no time is named.
- Deleted records are listed for 15 days; records that a merge swallowed are found until the recycle bin is emptied.

To confirm at the first log-in to a real org: see docs/connectors/salesforce.md.
"""

from connectors.crms.salesforce.adapter import Salesforce

__all__ = ["Salesforce"]
