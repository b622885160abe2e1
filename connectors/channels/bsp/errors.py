"""A provider's own refusals, which stand before the Cloud API's: a wrong key, an unpaid account, the older list of errors."""

from __future__ import annotations

from connectors.channels.whatsapp.errors import classify, error_of, graph_error
from connectors.errors import ConnectorError, Misconfigured, NeedsLogin
from connectors.http import Reply
from connectors.untrusted import as_code, as_list, as_object, as_text


def provider_error(reply: Reply, *, acted: bool) -> ConnectorError:
    """Our error for an answer that is not 2xx.

    The Cloud API's own errors are passed through and read as such. Others are
    {"meta": {"http_code", "developer_message"}}, {"errors": [{"code", "title", "details"}]}, {"message"}, or a text.
    """
    document = reply.json_or_none()
    if graph_error(document) or reply.status >= 500 or reply.status in {408, 429}:
        return error_of(reply, acted=acted)
    label, words = f"HTTP {reply.status}", _words(document)
    if reply.status in {401, 403}:
        return NeedsLogin("The provider does not accept the API key", code=label, detail=words)
    if reply.status == 402:
        return Misconfigured("The provider's account is not paid", code=label, detail=words)
    listed = as_object(next(iter(as_list(as_object(document).get("errors"))), None))
    if code := as_code(listed.get("code")):
        return classify(code, detail=words, retry_after=reply.retry_after())
    error = error_of(reply, acted=acted)
    error.detail = error.detail or words[:500]
    return error


def refused(document: object) -> ConnectorError | None:
    """The refusal that an answer with HTTP 200 holds, or None."""
    given = as_object(document)
    if found := graph_error(given):
        return classify(found.code, subcode=found.subcode, detail=found.detail, transient=found.transient)
    listed = as_object(next(iter(as_list(given.get("errors"))), None))
    code = as_code(listed.get("code"))
    return classify(code, detail=_words(given)) if code and not given.get("messages") else None


def _words(document: object) -> str:
    given = as_object(document)
    listed = as_object(next(iter(as_list(given.get("errors"))), None))
    parts = [
        as_text(as_object(given.get("meta")).get("developer_message")),
        as_text(listed.get("title")),
        as_text(listed.get("details")),
        as_text(given.get("message")),
        as_text(given.get("detail")) or as_text(given.get("error")),
    ]
    return ": ".join(dict.fromkeys(filter(None, parts)))
