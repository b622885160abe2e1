"""What a file is by its bytes. Its name and what its sender calls it are hints for kinds that look alike, never more.

Pure: `head` and `tail` are the first and the last bytes of the file, a few thousand are enough.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from scrm.conversations import pictures

HEAD, TAIL = 4096, 65_600
MARKUP = "text/html"

_OFFICE = "application/vnd.openxmlformats-officedocument."
ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/heic": ".heic",
    "image/avif": ".avif",
    "audio/aac": ".aac",
    "audio/amr": ".amr",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "video/quicktime": ".mov",
    "video/webm": ".webm",
    "application/pdf": ".pdf",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    f"{_OFFICE}wordprocessingml.document": ".docx",
    f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
    f"{_OFFICE}presentationml.presentation": ".pptx",
    "text/plain": ".txt",
}
_OF_ENDING = {ending: mime_type for mime_type, ending in ENDINGS.items()}
# Endings that a name may have in front of its last one only to look like something else.
_PAGES = frozenset({".html", ".htm", ".xhtml", ".shtml", ".svg", ".svgz", ".xml", ".js", ".mjs", ".php", ".asp", ".aspx", ".jsp", ".cgi"})
_PROGRAMS = frozenset(
    {
        ".exe",
        ".com",
        ".scr",
        ".bat",
        ".cmd",
        ".ps1",
        ".msi",
        ".lnk",
        ".jar",
        ".apk",
        ".sh",
        ".command",
        ".dmg",
        ".iso",
        ".vbs",
        ".wsf",
        ".hta",
    }
)
_OTHERS = frozenset({".jpeg", ".tif", ".heif", ".jfif", ".zip", ".rar", ".7z", ".docm", ".xlsm", ".pptm", ".csv", ".log", ".vcf", ".ics"})
_MISLEADING = frozenset(ENDINGS.values()) | _PAGES | _PROGRAMS | _OTHERS
_OLD_OFFICE = frozenset({".doc", ".xls", ".ppt"})
_NEW_OFFICE = {".docx": b"word/", ".xlsx": b"xl/", ".pptx": b"ppt/"}
_FILMS = frozenset(
    {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"dash", b"MSNV"}
)
_FIXED = (
    (b"%PDF-", "application/pdf"),
    (b"#!AMR\n", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
# A browser that guesses takes these for a page whatever stands around them.
_MARKUP = re.compile(
    rb"<\s*(?:!doctype\s+html|html|head|body|script|iframe|svg|object|embed|[a-z]+:(?:html|svg|script))[\s/>]", re.IGNORECASE
)
_TEXT_ENDINGS = frozenset({".txt", ".csv", ".log", ".vcf", ".ics"})


def type_of(head: bytes, tail: bytes = b"", filename: str = "") -> str:
    """A MIME type; `MARKUP` for HTML, SVG and any other page that could run something; "" for what is not known.

    A file that is of two kinds at once, as one that a viewer opens and an unpacker too, is of none.
    """
    found = pictures.type_of(head)
    if found:
        return found
    found = _media_type(head) or _document_type(head, filename)
    if not found:
        return MARKUP if _is_markup(head) else ""
    if found != "application/pdf" and not found.startswith("text/"):
        return "" if _ends_as_archive(tail) and _OFFICE not in found else found
    if _is_markup(head[:1024]):
        return MARKUP
    return "" if _ends_as_archive(tail) else found


def _media_type(head: bytes) -> str:
    for signature, found in _FIXED:
        if head.startswith(signature):
            return found
    if head[4:8] == b"ftyp":
        return _film_type(head[8:12])
    if head.startswith(b"OggS"):
        # The platform plays one codec in this container; the first packet names it.
        return "audio/ogg" if b"OpusHead" in head[:256] else ""
    if len(head) > 3 and head[0] == 0xFF:
        # Eleven or twelve bits of frame sync, then a version and a layer: layer 0 is AAC, 1 is MP3.
        if head[1] & 0xF6 == 0xF0:
            return "audio/aac"
        if head[1] & 0xE0 == 0xE0 and head[1] & 0x06 == 0x02 and head[1] & 0x18 != 0x08 and head[2] & 0xF0 not in {0x00, 0xF0}:
            return "audio/mpeg"
    return ""


def _film_type(brand: bytes) -> str:
    if brand in {b"M4A ", b"M4B "}:
        return "audio/mp4"
    if brand.startswith(b"3gp"):
        return "video/3gpp"
    return "video/quicktime" if brand == b"qt  " else "video/mp4" if brand in _FILMS else ""


def _document_type(head: bytes, filename: str) -> str:
    """Word, Excel and PowerPoint share two containers; which of them it is, only the name's ending says."""
    ending = PurePath(filename).suffix.lower()
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _OF_ENDING[ending] if ending in _OLD_OFFICE else ""
    if head.startswith(b"PK\x03\x04"):
        known = any(name in head for name in (b"[Content_Types].xml", b"_rels/", b"docProps/", _NEW_OFFICE.get(ending, b"\x00")))
        return _OF_ENDING[ending] if ending in _NEW_OFFICE and known else ""
    return "text/plain" if ending in _TEXT_ENDINGS and _is_text(head) else ""


def _is_text(head: bytes) -> bool:
    if not head or b"\x00" in head or head.startswith(b"MZ") or head.startswith(b"#!"):
        return False
    for encoding in ("utf-8", "cp932", "big5", "gb18030"):
        try:
            # The last character may be cut in two.
            head[:-4].decode(encoding) if len(head) >= HEAD else head.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def _is_markup(head: bytes) -> bool:
    plain = head.replace(b"\x00", b"") if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else head
    return _MARKUP.search(plain) is not None or plain.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<?xml")


def _ends_as_archive(tail: bytes) -> bool:
    """The end record of a ZIP archive, whose stated comment reaches to the last byte."""
    place = tail.rfind(b"PK\x05\x06")
    return place >= 0 and place + 22 + int.from_bytes(tail[place + 20 : place + 22], "little") == len(tail)


def clean_name(filename: str, mime_type: str) -> str:
    """A name of at most 100 characters with the one ending that its type has: 'invoice.exe.pdf' of a PDF is 'invoice.pdf'."""
    stem = PurePath(filename.replace("\\", "/")).name
    stem = "".join(character for character in stem if character.isprintable() and character not in '<>:"|?*%;')
    wanted = PurePath(stem).suffix.lower()
    ending = wanted if mime_type == "text/plain" and wanted in _TEXT_ENDINGS else ENDINGS.get(mime_type, "")
    while PurePath(stem).suffix.lower() in _MISLEADING:
        stem = PurePath(stem).stem
    return (stem.strip(" .")[: 100 - len(ending)] or "file") + ending
