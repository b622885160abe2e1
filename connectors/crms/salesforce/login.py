"""The access token: by client credentials, or by a refresh token where one was entered. It is kept and renewed by the account's keeper."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.accounts import Settings
from connectors.contracts import AccessToken, TokenKeeper
from connectors.crms.salesforce.refusals import SERVER_PAUSE, code_of, errors_of, words_of
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin, TryLater, Unreachable
from connectors.http import HttpClient, Reply
from connectors.tokens import MemoryTokens
from connectors.untrusted import as_object, as_text

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105
# Where an org may live; a token is sent nowhere else.
HOSTS = (".salesforce.com", ".force.com", ".salesforce.mil", ".cloudforce.com", ".sfcrmproducts.cn", ".sfcrmapps.cn")


class Login:
    """Knows the org's address and its token. Safe to use from several threads."""

    def __init__(self, settings: Settings, http: HttpClient, keeper: TokenKeeper | None) -> None:
        self._settings, self._http = settings, http
        self._keeper = keeper or MemoryTokens()

    def token(self) -> AccessToken:
        kept = self._keeper.current()
        return kept if kept is not None and kept.value else self.renewed("")

    def renewed(self, stale: str) -> AccessToken:
        """A token other than `stale`. Raises `NeedsLogin` when the credentials do not work any more."""
        return self._keeper.renew(stale, self._fetch)

    def _fetch(self, kept: AccessToken | None) -> AccessToken:
        refresh = (kept.refresh_token if kept else "") or self._settings.get("refresh_token")
        form = {"client_id": self._settings.need("client_id"), "client_secret": self._settings.get("client_secret")}
        form |= {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else {"grant_type": "client_credentials"}
        # A refresh token may work only once, so asking a second time after a lost answer could lock us out.
        reply = self._http.request("POST", TOKEN_PATH, form=form, idempotent=not refresh)
        document = as_object(reply.json_or_none())
        value = as_text(document.get("access_token"))
        if not reply.ok or not value:
            raise _refused(reply)
        host = as_text(document.get("instance_url")) or self._http.base_url
        return AccessToken(value, None, as_text(document.get("refresh_token")), self._trusted(host))

    def _trusted(self, host: str) -> str:
        """The org's address without its path. Raises `Misconfigured` for one that is not Salesforce's."""
        given, own = urlsplit(host), urlsplit(self._http.base_url)
        if given.netloc == own.netloc and given.scheme == own.scheme:
            return self._http.base_url
        name = (given.hostname or "").lower()
        if given.scheme == "https" and name.endswith(HOSTS):
            return f"https://{given.netloc}"
        raise Misconfigured("The log-in names an address that is not Salesforce's; check My Domain address (base_url)")


def _refused(reply: Reply) -> ConnectorError:
    error = next(iter(errors_of(reply)), {})
    code, detail = code_of(error) or f"HTTP {reply.status}", words_of(error)
    if reply.status == 429 or code == "login_rate_exceeded":
        return TryLater(
            "Salesforce asks to log in less often", after=reply.retry_after() or SERVER_PAUSE, scope="connection", times=None, code=code
        )
    if reply.status >= 500:
        return Unreachable("Salesforce's log-in does not work at the moment", code=f"HTTP {reply.status}", detail=detail)
    if reply.status == 404:
        return Misconfigured("There is no Salesforce org at My Domain address (base_url)", code=code, detail=detail)
    if 400 <= reply.status < 500:
        return NeedsLogin("Salesforce refuses the app's credentials; enter new ones on the connection's page", code=code, detail=detail)
    return Unreachable("Salesforce's log-in gave an answer without a token", code=code)
