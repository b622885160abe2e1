"""Files at the platform: stored for 30 days when uploaded, for 7 when a person sent them, under an address that lives 5 minutes."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

from connectors import untrusted
from connectors.channels.whatsapp.errors import error_of
from connectors.channels.whatsapp.graph import FILE_TIME, SOON, GraphAccount, segment
from connectors.contracts import Json, Media, MediaRef
from connectors.errors import Gone, Misconfigured, OutcomeUnknown, Rejected, TryLater
from connectors.http import Reply
from connectors.untrusted import as_object, as_text

MAX_FILE = 100 * 1024 * 1024

# Where Meta keeps files; the token goes nowhere else.
_FILE_HOSTS = ("facebook.com", "fbcdn.net", "fbsbx.com")


class Files(GraphAccount):
    """The files of a business phone number."""

    def upload(self, content: bytes, mime_type: str, filename: str) -> str:
        """Store a file for 30 days, return its id. A lost answer is `TryLater`: a second copy over there harms nobody."""
        path = self._number_path("media")
        if len(content) > MAX_FILE:
            raise Rejected("The file is larger than 100 MB, the most that WhatsApp takes", remedy="fix_media")
        try:
            reply = self._http.request(
                "POST",
                path,
                form={"messaging_product": "whatsapp", "type": mime_type},
                files={"file": (filename or "file", content, mime_type)},
                headers=self._authority,
                overall=FILE_TIME,
            )
            file_id = as_text(self._document(reply, acted=False).get("id"))
        except OutcomeUnknown as error:
            raise TryLater(error.title, after=SOON, times=3, code=error.code, detail=error.detail) from error
        if not file_id:
            raise TryLater("WhatsApp stored the file without giving its id", after=SOON)
        return file_id

    def download(self, ref: MediaRef) -> Media:
        """Fetch a received file: ask for its address, which lives 5 minutes, then fetch it. `Gone` when it is not held any more."""
        found = self._file_address(ref)
        url = as_text(found.get("url"))
        reply = self._http.request("GET", url, headers=self._authority_for(url), idempotent=True, overall=FILE_TIME, max_reply=MAX_FILE)
        if reply.status in {404, 410}:
            raise Gone("WhatsApp no longer holds this file", code=f"HTTP {reply.status}")
        if not reply.ok:
            raise error_of(reply, acted=False)
        digest = hashlib.sha256(reply.body)
        if not all(_is_digest(stated, digest.digest()) for stated in (ref.sha256, as_text(found.get("sha256")))):
            raise TryLater("The file arrived damaged: its checksum differs from the one stated", after=SOON, times=3)
        mime_type = reply.headers.get("content-type", "") or as_text(found.get("mime_type")) or ref.mime_type
        return Media(reply.body, mime_type, digest.hexdigest())

    def _file_address(self, ref: MediaRef) -> Json:
        if not ref.external_id:
            if not ref.url:
                raise Gone("The message names no file")
            return {"url": ref.url}
        path = f"{self._root}/{segment(ref.external_id)}"
        params = {"phone_number_id": self._settings.need("phone_number_id")}
        reply = self._http.request("GET", path, params=params, headers=self._authority, idempotent=True)
        if reply.status in {404, 410} or (reply.status == 400 and _code(reply) == 100):
            raise Gone("WhatsApp no longer holds this file", code=f"HTTP {reply.status}")
        document = self._document(reply, acted=False)
        if not as_text(document.get("url")):
            raise Gone("WhatsApp gave no address for this file")
        return document

    def _authority_for(self, url: str) -> dict[str, str]:
        """The token, for addresses that may see it. Raises `Misconfigured` for any other host."""
        try:
            target, base = urlsplit(url), urlsplit(self._settings.need("base_url"))
            own = (target.scheme, target.hostname, target.port) == (base.scheme, base.hostname, base.port)
        except ValueError:
            raise Misconfigured("WhatsApp gave an address for the file that cannot be read") from None
        host = (target.hostname or "").lower()
        metas = target.scheme == "https" and any(host == known or host.endswith("." + known) for known in _FILE_HOSTS)
        if not own and not metas:
            raise Misconfigured("WhatsApp gave an address for the file outside its own hosts; the token was not sent there")
        return self._authority


def _code(reply: Reply) -> int:
    return untrusted.as_code(as_object(as_object(reply.json_or_none()).get("error")).get("code"))


def _is_digest(stated: str, digest: bytes) -> bool:
    """True when the stated checksum, hex or base64, is right, or is none (the documented samples hold placeholders)."""
    if stated.lower() == digest.hex():
        return True
    try:
        decoded = bytes.fromhex(stated) if len(stated) == 64 else base64.b64decode(stated, validate=True)
    except ValueError:
        return True
    return len(decoded) != len(digest) or decoded == digest
