"""Zoho CRM, API v8.

Manual: https://www.zoho.com/crm/developer/docs/api/v8/

- Eight data centres, each with its own accounts and its own clients; the token's answer names the address of the API.
- An access token lives for an hour; ten new ones in ten minutes for a refresh token, then it is blocked for a while.
- 100 records a write call and one answer for each inside an HTTP 200 or 207; 200 records a page, 50 fields a read call.
- Times have whole seconds. A write may carry If-Unmodified-Since and is refused with 412 when the record is newer.
- Notices carry no signature but a token of ours, and end after a week at most.
- Notes take no fields of our own: their title carries our key.

To confirm at the first log-in to a real account: see docs/connectors/zoho.md.
"""

from connectors.crms.zoho.adapter import Zoho

__all__ = ["Zoho"]
