"""Errors in Graph's shape. Clients decide by `error.code`, never by title or HTTP status."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse

from scrm.sandbox.identifiers import new_trace_id

# code -> (HTTP status, title), as Meta's error page of December 2025 lists them
CODES: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (400, "Application request limit reached"),
    10: (403, "Permission denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Error validating access token"),
    200: (403, "Permissions error"),
    368: (403, "Temporarily blocked for policy violations"),
    80007: (400, "Rate limit issues"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Account has been locked"),
    131037: (400, "Display name approval is needed"),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Message not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has stopped marketing messages"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed"),
    131056: (400, "Pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131059: (400, "Paging cursor has expired"),
    131060: (400, "This message is unavailable"),
    131062: (400, "Business-scoped user id recipients are not supported for this message"),
    131063: (400, "Marketing templates are switched off for Cloud API"),
    131064: (400, "Messaging limit reduced"),
    132000: (400, "Template parameter count mismatch"),
    132001: (404, "Template does not exist"),
    132005: (400, "Template hydrated text too long"),
    132007: (400, "Template format character policy violated"),
    132008: (400, "Template parameter value not valid"),
    132012: (400, "Template parameter format mismatch"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "Template parameters are not valid"),
    132068: (400, "Flow is blocked"),
    132069: (400, "Flow is throttled"),
    133000: (500, "Incomplete deregistration"),
    133004: (503, "Server temporarily unavailable"),
    133005: (400, "Two step verification PIN mismatch"),
    133006: (400, "Phone number re-verification needed"),
    133008: (400, "Too many two step verification PIN guesses"),
    133009: (400, "Two step verification PIN guessed too fast"),
    133010: (400, "Phone number not registered"),
    133015: (400, "Please wait a few minutes before attempting to register this phone number"),
    133016: (400, "Account register or deregister rate limit exceeded"),
    134011: (400, "Payments terms are not accepted"),
    134100: (400, "Only marketing templates are supported"),
    134101: (400, "Template is still syncing"),
    134102: (500, "Template is unavailable for use"),
    135000: (400, "Generic user error"),
    137000: (400, "Identity key hash does not match"),
    2388019: (400, "Message template limit exceeded"),
    2388040: (400, "Character limit exceeded"),
    2388047: (400, "Message header format incorrect"),
    2388072: (400, "Message body format incorrect"),
    2388073: (400, "Message footer format incorrect"),
    2388293: (400, "Parameter words ratio exceeds limit"),
    2388299: (400, "Variables cannot be at the start or end of the template"),
    2593107: (400, "Synchronization request limit exceeded"),
    2593108: (400, "Synchronization request made outside of the allowed time window"),
    2593109: (400, "History sharing is switched off by the business"),
}


class GraphError(Exception):
    """A refusal; `status` overrides the table's HTTP status."""

    def __init__(self, code: int, details: str = "", *, subcode: int = 0, status: int = 0, retry_after: int = 0) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.details = details
        self.subcode = subcode
        self.status = status or CODES.get(code, (400, ""))[0]
        self.retry_after = retry_after

    def response(self) -> JsonResponse:
        answer = JsonResponse({"error": self._body()}, status=self.status)
        if self.retry_after:
            answer["Retry-After"] = str(self.retry_after)
        return answer

    def _body(self) -> dict[str, Any]:
        title = CODES.get(self.code, (400, "Unknown error"))[1]
        kind = "GraphMethodException" if self.subcode == 33 else "OAuthException"
        message = self.details if self.code == 190 or self.subcode == 33 else f"(#{self.code}) {title}"
        error: dict[str, Any] = {"message": message, "type": kind, "code": self.code, "fbtrace_id": new_trace_id()}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode:
            error["error_subcode"] = self.subcode
        if self.code in (2, 4):
            error["is_transient"] = True
        return error


def missing_object(object_id: str) -> GraphError:
    """An unknown id is HTTP 400 with code 100 and subcode 33, not 404."""
    details = f"Unsupported request. Object with ID '{object_id}' does not exist, cannot be loaded due to missing permissions"
    return GraphError(100, details, subcode=33)


def status_error(code: int) -> dict[str, Any]:
    """The same code as it stands in a failed status."""
    title = CODES.get(code, (400, "Unknown error"))[1]
    href = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
    return {"code": code, "title": title, "message": title, "error_data": {"details": title + "."}, "href": href}
