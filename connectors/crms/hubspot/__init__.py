"""HubSpot, the API versions by date (2026-03).

Manual: https://developers.hubspot.com/docs/api-reference/2026-03

- A version appears each March and September and is supported for 18 months; it is one setting.
- 100 records a batch; all values are strings, an empty one clears; nothing conditional exists.
- 100 to 250 requests in 10 s and 250,000 to 1,000,000 a day by plan; search 5 a second, 200 a page, 10,000 rows a query.
- Modification times have milliseconds. Archived records can be listed for 90 days.
- A merge may give the survivor a new id; the old ids stand in `hs_merged_object_ids`.

To confirm at the first log-in to a real account: the group names of our own properties, whether `scrm_id` may be unique
on communications, orders and products, the form of row errors in a partly successful batch, and which properties of an order its
account fills (number, sum and state: `hs_external_order_id` or `hs_order_name`, `hs_total_price`, `hs_fulfillment_status` or the stage).
"""

from connectors.crms.hubspot.adapter import HubSpot

__all__ = ["HubSpot"]
