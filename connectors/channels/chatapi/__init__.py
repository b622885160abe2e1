"""Gateways that speak the ChatAPI dialect: one instance is one WhatsApp phone that a person logged in by its QR code.

Manual of the dialect: https://docs.1msg.io, and the archived pages of chat-api.com

- Calls: POST {instance}/sendMessage, sendFile, sendPTT, sendLocation, sendContact, readChat, typing; GET {instance}/status. The token
  travels as `?token=`, or in a header that the gateway names.
- Answers: {"sent": true, "id", "message"} or {"sent": false, "message", "code"?}, often with HTTP 200 in both cases.
- No idempotency key and no reference of ours: after a time-out nobody can tell whether the message left.
- Nothing is signed. A webhook proves itself by the secret that was entered with its address: the header X-Webhook-Token,
  Authorization: Bearer, or `?token=` in the address where the gateway can set no header (addresses are written to access logs: then
  keep those, or leave out their queries). Without a secret every webhook is refused.
- No 24 h window, no templates, no prices; the number is a person's, so it is lost easily: slow, one message a second.
- To be confirmed when an instance is first connected, for gateways differ: that `self` = 1 marks what came through the API, the names
  of the typing and reading calls, and which codes beside 510 they give.
- Links to received files are fetched from the gateway's own host and from the hosts that the setting media_hosts names.
"""

from connectors.channels.chatapi.channel import ChatApi
from connectors.channels.chatapi.errors import classify, explain

__all__ = ["ChatApi", "classify", "explain"]
