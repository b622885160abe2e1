"""WhatsApp through a provider (BSP) that mirrors the Cloud API under its own host and with its own key, as 360dialog does.

Manual: https://docs.360dialog.com/docs/messaging-api/api-reference

- Bodies, error codes and webhooks are the Cloud API's; host, key header and paths are the provider's, and all three are settings.
- `/messages` and `/media` carry no number, for the key belongs to one; providers that keep Meta's paths set number_in_path.
- Templates: GET, POST and DELETE /v1/configs/templates (a list of its own form, no editing), or Meta's message_templates.
- Files are fetched from the provider's host with its key: the address that Meta gives is kept but for its host.
- Webhooks come without Meta's signature. They prove themselves by the secret entered with their address: the header X-Webhook-Token,
  Authorization: Bearer, or `?token=` in the address where no header can be set (addresses are written to access logs: then keep
  those, or leave out their queries). Without a secret every webhook is refused.
- Limits are the Cloud API's; 360dialog takes 25 uploads a second, and blocks file look-ups for 30 minutes after 20 failed ones in an hour.
"""

from connectors.channels.bsp.channel import WhatsAppBsp
from connectors.channels.whatsapp.errors import classify, explain

__all__ = ["WhatsAppBsp", "classify", "explain"]
