"""A business without a CRM that can be called: contacts, communications and deals are pushed to one webhook.

For Zapier (Webhooks by Zapier), Make (custom webhook), Pabbly (Webhook by Pabbly) and any receiver of Standard Webhooks 1.0
(https://www.standardwebhooks.com/). Nothing can be read back, so the capabilities say: no feeds, no conditional writes.

- Zapier takes about 30 requests a second and hook, Make 5 MB a payload; Pabbly checks no signature, hence the header's secret.
- 410 from the receiver means that the hook was deleted there.

To confirm at the first log-in: Make's limit of 300 requests in 10 s, which is a third party's figure.
"""

from connectors.crms.bridge.adapter import Bridge

__all__ = ["Bridge"]
