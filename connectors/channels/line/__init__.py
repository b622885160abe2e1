"""LINE Messaging API, as of the reference of July 2026.

Manual: https://developers.line.biz/en/reference/messaging-api/

- Webhooks are signed with the channel secret, must be answered within 2 s, and are redelivered when the switch for it is on.
- A person is a user id (`U` and 32 hex digits); there is never a phone number. No window, no delivery or read receipts.
- A received event carries a reply token: it works once, for about a minute, costs nothing, and knows no retry key.
- A push carries our retry key: LINE carries it out once in 24 h, and answers a repeat with 409 and the first request's id.
- A plan bounds the pushes of a month; 2,000 requests a second and endpoint. Up to 5 messages a call, 13 quick replies.
- Files go out as public HTTPS addresses only; received ones are kept for a while and fetched from a host of their own.
"""

from connectors.channels.line.channel import LineMessaging
from connectors.channels.line.errors import CODES, explain

__all__ = ["CODES", "LineMessaging", "explain"]
