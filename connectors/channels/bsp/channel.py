"""The Cloud API of a provider as a `Channel`: Meta's bodies and webhooks, the provider's address, key and paths."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from connectors import signatures
from connectors.channels.bsp.errors import provider_error, refused
from connectors.channels.whatsapp.channel import WhatsAppCloud
from connectors.channels.whatsapp.graph import segment
from connectors.channels.whatsapp.template_checks import submission
from connectors.contracts import ConfigField, Health, Json, MediaRef
from connectors.errors import Gone, Misconfigured, OutcomeUnknown, Rejected
from connectors.http import HttpClient, Reply
from connectors.untrusted import as_code, as_list, as_object, as_text

_ON = frozenset({"1", "on", "true", "yes"})
TEMPLATES_A_PAGE = 200
MAX_PAGES = 100


class WhatsAppBsp(WhatsAppCloud):
    """One business phone number at a provider. Safe to use from several threads; holds connections, no state."""

    slug = "whatsapp_bsp"
    label = "WhatsApp (through a provider)"
    fields: Sequence[ConfigField] = (
        ConfigField("base_url", "API address", help="Of the provider: https://waba-v2.360dialog.io"),
        ConfigField("api_key", "API key", secret=True, help="Of this number, from the provider's console."),
        ConfigField("key_header", "Key header", required=False, default="D360-API-KEY", help="Authorization: the key follows Bearer."),
        ConfigField(
            "webhook_secret",
            "Webhook secret",
            secret=True,
            signs=True,
            help="A long word of your choice. Enter it at the provider as header X-Webhook-Token, or as ?token= behind our address.",
        ),
        ConfigField("phone_number_id", "Phone number ID", help="As the provider's webhooks name it; digits, not the phone number itself."),
        ConfigField("portfolio_id", "Business portfolio ID", required=False, help="Bounds user ids of people who show no phone number."),
        ConfigField("waba_id", "WhatsApp Business Account ID", required=False, help="Where the address of templates names it."),
        ConfigField("catalog_id", "Catalogue ID", required=False, help="Of the Commerce Manager; for templates that show a product."),
        ConfigField("number_in_path", "Number in addresses", required=False, help="on: /{number}/messages; empty: /messages."),
        ConfigField("api_version", "API version", required=False, help="Stands before the path where the provider wants it: v25.0"),
        ConfigField(
            "templates_path",
            "Address of templates",
            required=False,
            default="/v1/configs/templates",
            help="message_templates: Meta's own, below the business account.",
        ),
        ConfigField("health_path", "Address of the health check", required=False, default="/health_status"),
        ConfigField("marketing_messages", "Marketing Messages API", required=False, help="on: marketing templates go by its own endpoint."),
    )

    # --- in ---------------------------------------------------------------------------------------------------------

    def verify(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """True when the caller knows one of the webhook secrets. The body itself is not signed."""
        return signatures.verify_shared(headers, signatures.split_secrets(self._settings.get("webhook_secret")))

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """None: the provider keeps Meta's subscription check to itself."""
        return None

    # --- account ----------------------------------------------------------------------------------------------------

    def check(self) -> Health:
        """Ask the number about itself where its path is known, else ask whether it may send. A failed call raises."""
        if self._number_in_path:
            return super().check()
        began = time.monotonic()
        try:
            document = self._call("GET", self._below(self._settings.need("health_path")), acted=False)
        except Rejected as error:
            if error.code != "HTTP 404":
                raise
            raise Misconfigured("Setting base_url or health_path leads nowhere", code=error.code, detail=error.detail) from error
        elapsed = timedelta(seconds=time.monotonic() - began)
        health = as_object(document.get("health_status")) or document
        can_send = as_text(health.get("can_send_message")).upper()
        return Health(can_send != "BLOCKED", elapsed, f"Sending: {can_send or 'not stated'}", {"can_send": can_send})

    def templates(self) -> list[Json]:
        """Every template: {name, language, category, status, components, external_id, quality, parameter_format, reason}."""
        if self._metas_templates:
            return super().templates()
        found: list[Json] = []
        for page in range(MAX_PAGES):
            params = {"limit": str(TEMPLATES_A_PAGE), "offset": str(page * TEMPLATES_A_PAGE)}
            document = self._call("GET", self._templates_path, params=params, acted=False)
            rows = [each for each in as_list(document.get("waba_templates")) if isinstance(each, dict)]
            new = [template for template in map(_template, rows) if template not in found]
            found += new
            if not new or len(found) >= as_code(document.get("total")):
                break
        return found

    def create_template(self, template: Json) -> Json:
        """Submit {name, language, category, components}; gives {external_id, status, category}. Read them after `OutcomeUnknown`."""
        if self._metas_templates:
            return super().create_template(template)
        made = _template(self._call("POST", self._templates_path, json=submission(template), acted=True))
        if not made["external_id"]:
            raise OutcomeUnknown("The provider took the template without giving its id")
        category = made["category"] or as_text(template.get("category")).upper()
        return {"external_id": made["external_id"], "status": made["status"] or "PENDING", "category": category}

    def edit_template(self, external_id: str, changes: Json) -> None:
        """Meta's way only; the provider's own interface cannot edit."""
        if not self._metas_templates:
            raise Rejected("The provider cannot edit a template: submit a new name, then delete the old one", remedy="fix_template")
        super().edit_template(external_id, changes)

    def delete_template(self, name: str, external_id: str = "") -> None:
        """Delete all languages of a name; one language alone only Meta's way. Deleting what is gone is no error."""
        if self._metas_templates:
            return super().delete_template(name, external_id)
        if external_id:
            raise Rejected("The provider deletes all languages of a template at once, or none", remedy="fix_template")
        reply = self._http.request("DELETE", f"{self._templates_path}/{quote(name, safe='')}", headers=self._authority, idempotent=True)
        if not reply.ok and reply.status != 404:
            raise provider_error(reply, acted=False)
        return None

    def upload_sample(self, content: bytes, mime_type: str, filename: str) -> str:
        """Not offered: example files belong to Meta's app of the provider."""
        raise Rejected("The provider takes no example files; submit templates with a picture in its own console", remedy="fix_template")

    # --- the provider's address, key and paths ----------------------------------------------------------------------

    @cached_property
    def _http(self) -> HttpClient:
        return HttpClient(self._settings.need("base_url"), secrets=[self._settings.need("api_key")])

    @property
    def _root(self) -> str:
        version = self._settings.get("api_version").strip("/")
        return f"/{version}" if version else ""

    @property
    def _authority(self) -> dict[str, str]:
        name, key = self._settings.need("key_header").lower(), self._settings.need("api_key")
        return {name: f"Bearer {key}" if name == "authorization" else key}

    @property
    def _number_in_path(self) -> bool:
        return self._settings.get("number_in_path").lower() in _ON

    def _number_path(self, rest: str = "") -> str:
        number = self._settings.need("phone_number_id") if self._number_in_path else ""
        return self._below(f"{number}/{rest}")

    def _account_path(self, rest: str = "") -> str:
        return self._below(f"{self._settings.need('waba_id')}/{rest}")

    def _below(self, path: str) -> str:
        return f"{self._root}/{path.strip('/')}"

    @property
    def _metas_templates(self) -> bool:
        return self._settings.need("templates_path").strip("/") == "message_templates"

    @property
    def _templates_path(self) -> str:
        return "/" + self._settings.need("templates_path").strip("/")

    def _document(self, reply: Reply, *, acted: bool) -> Json:
        if not reply.ok:
            raise provider_error(reply, acted=acted)
        if error := refused(reply.json_or_none()):
            raise error
        return super()._document(reply, acted=acted)

    # --- files ------------------------------------------------------------------------------------------------------

    def _file_address(self, ref: MediaRef) -> Json:
        """The address that the provider gives for a file, with its own host in the place of Meta's."""
        if not ref.external_id:
            if not ref.url:
                raise Gone("The message names no file")
            return {"url": self._through_provider(ref.url)}
        reply = self._http.request("GET", f"{self._root}/{segment(ref.external_id)}", headers=self._authority, idempotent=True)
        code = as_code(as_object(as_object(reply.json_or_none()).get("error")).get("code"))
        if reply.status in {404, 410} or (reply.status == 400 and code == 100):
            raise Gone("The provider no longer holds this file", code=f"HTTP {reply.status}")
        document = self._document(reply, acted=False)
        if not as_text(document.get("url")):
            raise Gone("The provider gave no address for this file")
        return {**document, "url": self._through_provider(as_text(document["url"]))}

    def _through_provider(self, url: str) -> str:
        try:
            path = urlsplit(url)._replace(scheme="", netloc="", fragment="").geturl()
        except ValueError:
            raise Misconfigured("The provider gave an address for the file that cannot be read") from None
        return self._settings.need("base_url").rstrip("/") + "/" + path.lstrip("/")


def _template(given: Json) -> Json:
    """A row of the provider's list in Meta's words: there the status is in small letters, and `external_id` is Meta's id."""
    reason = as_text(given.get("rejected_reason"))
    return {
        "external_id": as_text(given.get("external_id")) or as_text(given.get("id")),
        "name": as_text(given.get("name")),
        "language": as_text(given.get("language")),
        "category": as_text(given.get("category")).upper(),
        "status": as_text(given.get("status")).upper(),
        "components": as_list(given.get("components")),
        "quality": _quality(given.get("quality_score")),
        "parameter_format": as_text(given.get("parameter_format")),
        "reason": "" if reason.upper() == "NONE" else reason,
    }


def _quality(given: Any) -> str:
    return as_text(as_object(given).get("score")) or as_text(given)
