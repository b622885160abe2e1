"""Message templates of an account: read, written, submitted, deleted, and the example files that their headers need.

Limits: 100 creations an hour; 250 templates an account, 6,000 when its portfolio is verified; an approved one is edited once a day
and ten times in 30 days; the name of a deleted one is blocked for 30 days; a review takes up to 24 h.
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

from connectors.channels.whatsapp.graph import FILE_TIME, SOON, GraphAccount, segment
from connectors.channels.whatsapp.template_checks import alteration, submission
from connectors.contracts import Json
from connectors.errors import ConnectorError, Gone, OutcomeUnknown, Rejected, TryLater
from connectors.untrusted import as_list, as_object, as_text

TEMPLATE_FIELDS = "id,name,language,category,status,components,quality_score,parameter_format,rejected_reason"
TEMPLATES_A_PAGE = "200"
MAX_PAGES = 100  # 6,000 templates are the most that an account can have

SAMPLE_TYPES = frozenset({"image/jpeg", "image/png", "video/mp4", "application/pdf"})
MAX_SAMPLE = 100 * 1024 * 1024

# Beside an unknown id: the template does not exist in this language.
_NOT_THERE = "132001"


class Templates(GraphAccount):
    """The template side of a WhatsApp account; needs the setting waba_id."""

    def templates(self) -> list[Json]:
        """Every template: {name, language, category, status, components, external_id, quality, parameter_format, reason}."""
        path = self._account_path("message_templates")
        found: list[Json] = []
        cursors = {""}
        after = ""
        for _ in range(MAX_PAGES):
            params = {"fields": TEMPLATE_FIELDS, "limit": TEMPLATES_A_PAGE} | ({"after": after} if after else {})
            document = self._call("GET", path, params=params, acted=False)
            found += [_template(each) for each in as_list(document.get("data")) if isinstance(each, dict)]
            after = _next_cursor(document)
            if after in cursors:
                break
            cursors.add(after)
        return found

    def create_template(self, template: Json) -> Json:
        """Submit {name, language, category, components, parameter_format?}; gives {external_id, status, category}.

        Raises `Rejected` for what breaks the platform's form, before anything leaves. After `OutcomeUnknown` read the templates:
        the name and language show whether it was created.
        """
        document = self._call("POST", self._account_path("message_templates"), json=submission(template), acted=True)
        external_id = as_text(document.get("id"))
        if not external_id:
            raise OutcomeUnknown("WhatsApp took the template without giving its id")
        category = as_text(document.get("category")) or as_text(template.get("category")).upper()
        return {"external_id": external_id, "status": as_text(document.get("status")) or "PENDING", "category": category}

    def edit_template(self, external_id: str, changes: Json) -> None:
        """Change category, components or both, and submit them again. `Gone` for an id that is not known."""
        document = self._call("POST", self._template_path(external_id), json=alteration(changes), acted=True)
        if document.get("success") is False:
            raise Rejected("WhatsApp did not take the changes of the template", remedy="fix_template")

    def delete_template(self, name: str, external_id: str = "") -> None:
        """Delete one language version, or with an empty id all of the name. Deleting what is gone is no error."""
        params = {"name": name} | ({"hsm_id": external_id} if external_id else {})
        try:
            self._call("DELETE", self._account_path("message_templates"), params=params, acted=False)
        except Gone:
            return
        except ConnectorError as error:
            if error.code != _NOT_THERE:
                raise

    def unpause_template(self, external_id: str) -> None:
        """Ask that a template paused for its quality may be sent again. Safe to repeat."""
        self._call("POST", f"{self._template_path(external_id)}/unpause", acted=False)

    def upload_sample(self, content: bytes, mime_type: str, filename: str) -> str:
        """Store an example file for a template's header in the app, return its handle (valid for 30 days).

        A lost answer is `TryLater`: a second copy over there harms nobody.
        """
        if mime_type not in SAMPLE_TYPES:
            raise Rejected("An example is a JPEG or PNG picture, an MP4 video or a PDF document", remedy="fix_media")
        if not 0 < len(content) <= MAX_SAMPLE:
            raise Rejected("The example file is empty or larger than 100 MB", remedy="fix_media")
        params = {"file_name": filename, "file_length": str(len(content)), "file_type": mime_type}
        try:
            session = as_text(self._call("POST", f"{self._root}/{self._app}/uploads", params=params, acted=True).get("id"))
            return self._fill(session, content)
        except OutcomeUnknown as error:
            raise TryLater(error.title, after=SOON, times=3, code=error.code, detail=error.detail) from error

    def _fill(self, session: str, content: bytes) -> str:
        """Put the bytes into an opened upload. Its name holds its signature as a query and is passed on as it is."""
        if not session.startswith("upload:"):
            raise OutcomeUnknown("WhatsApp opened no upload for the example")
        path = f"{self._root}/{quote(session, safe=':?=&%-_.~+/')}"
        reply = self._http.request("POST", path, content=content, headers={**self._upload_authority, "file_offset": "0"}, overall=FILE_TIME)
        handle = as_text(self._document(reply, acted=True).get("h"))
        if not handle:
            raise OutcomeUnknown("WhatsApp stored the example without giving its handle")
        return handle

    @property
    def _app(self) -> str:
        """The app that holds examples; "app" stands for the one that the token belongs to."""
        return self._settings.get("app_id") or "app"

    @property
    def _upload_authority(self) -> dict[str, str]:
        """The upload of bytes alone wants the older word before the token."""
        return {"authorization": f"OAuth {self._settings.need('access_token')}"}

    def _template_path(self, external_id: str) -> str:
        return f"{self._root}/{segment(external_id, 'The template has no id at WhatsApp; read the templates again')}"


def _template(given: Json) -> Json:
    reason = as_text(given.get("rejected_reason"))
    return {
        "external_id": as_text(given.get("id")),
        "name": as_text(given.get("name")),
        "language": as_text(given.get("language")),
        "category": as_text(given.get("category")),
        "status": as_text(given.get("status")),
        "components": as_list(given.get("components")),
        "quality": as_text(as_object(given.get("quality_score")).get("score")),
        "parameter_format": as_text(given.get("parameter_format")),
        "reason": "" if reason == "NONE" else reason,
    }


def _next_cursor(document: Json) -> str:
    """The cursor of the following page, or ''. The `next` address itself is not called: it holds the token and names any host."""
    paging = as_object(document.get("paging"))
    following = as_text(paging.get("next"))
    if not following:
        return ""
    try:
        stated = parse_qs(urlsplit(following).query).get("after", [""])[0]
    except ValueError:
        stated = ""
    return stated or as_text(as_object(paging.get("cursors")).get("after"))
