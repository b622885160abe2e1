"""Calls to the Graph API as one account: its address, its token, and what its answers prove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from connectors.accounts import Settings
from connectors.channels.whatsapp.errors import error_of
from connectors.contracts import Account, ConfigField, Json
from connectors.errors import Gone, Misconfigured, OutcomeUnknown
from connectors.http import HttpClient, Reply

# Documents may have 100 MB; 15 s would not do for them.
FILE_TIME = timedelta(seconds=120)
SOON = timedelta(seconds=30)

_UNKNOWN_NUMBER = "Setting phone_number_id names no number that the token may use"


class GraphAccount:
    """The settings of one business phone number and its connections. Safe to use from several threads; holds no other state.

    A provider that mirrors the API under its own host and key changes `_root` and `_authority`, and the paths of the objects.
    """

    fields: Sequence[ConfigField] = ()

    def __init__(self, account: Account) -> None:
        self._settings = Settings(account, self.fields)

    def close(self) -> None:
        """Give the connections back."""
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> HttpClient:
        return HttpClient(self._settings.need("base_url"))

    @property
    def _root(self) -> str:
        return f"/{self._settings.need('api_version')}"

    @property
    def _authority(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._settings.need('access_token')}"}

    def _number_path(self, rest: str = "") -> str:
        """The path of the phone number, or of something below it: "messages", "media"."""
        return "/".join(filter(None, [self._root, self._settings.need("phone_number_id"), rest]))

    def _account_path(self, rest: str = "") -> str:
        """The path of the business account, or of something below it: "message_templates"."""
        return "/".join(filter(None, [self._root, self._settings.need("waba_id"), rest]))

    def _call(self, method: str, path: str, *, acted: bool, **parts: Any) -> Json:
        """One call, its answer as an object. `acted`: it has an effect that must not happen twice."""
        return self._document(self._http.request(method, path, headers=self._authority, idempotent=not acted, **parts), acted=acted)

    def _call_number(self, method: str, rest: str = "", *, acted: bool, **parts: Any) -> Json:
        """A call to the phone number; an id that the platform does not know is a wrong setting."""
        try:
            return self._call(method, self._number_path(rest), acted=acted, **parts)
        except Gone as error:
            raise Misconfigured(_UNKNOWN_NUMBER, code=error.code, detail=error.detail) from error

    def _document(self, reply: Reply, *, acted: bool) -> Json:
        if not reply.ok:
            raise error_of(reply, acted=acted)
        document = reply.json()
        if not isinstance(document, dict):
            raise OutcomeUnknown("WhatsApp's answer is not an object", code=f"HTTP {reply.status}")
        return document


def segment(name: str, what: str = "The message names a file that WhatsApp cannot hold") -> str:
    """An id as one part of a path. Ids are digits; whatever else a webhook brought must not lead to another path."""
    if not name.isascii() or not name.replace("_", "").replace("-", "").isalnum():
        raise Gone(what)
    return name
