"""WhatsApp Business Platform, Cloud API v25.0.

Manual: https://developers.facebook.com/documentation/business-messaging/whatsapp

- One webhook body holds up to 1,000 updates and 3 MB, repeated and in any order for up to 7 days.
- 80 messages a second and number (20 beside the phone app), one in 6 s and recipient with a burst of 45.
- No idempotency key for sends: our id travels as `biz_opaque_callback_data` and comes back with every status.
- Outside 24 h after a person's last message only approved templates may be sent.
- Received files can be fetched for 7 days, the address of one for 5 minutes.
- People may come without a phone number: then they have a business-scoped user id, unique in one business portfolio.
"""

from connectors.channels.whatsapp.channel import WhatsAppCloud
from connectors.channels.whatsapp.errors import classify, explain

__all__ = ["WhatsAppCloud", "classify", "explain"]
