"""A stand-in for object storage on loopback: what S3 answers to put, get, head, list and delete, for whoever signs with the right key."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS, SECRET, BUCKET = "AKTEST", "geheim", "backups"


class Handler(BaseHTTPRequestHandler):
    kept: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}").lstrip("/")

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"0"')
        self.send_header("Last-Modified", "Sun, 29 Nov 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _may(self) -> bool:
        if f"Credential={ACCESS}/" in self.headers.get("Authorization", ""):
            return True
        self._answer(403, b"<Error><Code>InvalidAccessKeyId</Code></Error>")
        return False

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _unchunked(body)
        if self._may():
            self.kept[self._name()] = body
            self._answer(200)

    def do_GET(self) -> None:
        if not self._may():
            return
        if not self._name():
            self._list()
            return
        body = self.kept.get(self._name())
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, body, "application/octet-stream")

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        if self._may():
            self.kept.pop(self._name(), None)
            self._answer(204)

    def _list(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        prefix, delimiter = asked.get("prefix", [""])[0], asked.get("delimiter", [""])[0]
        names = sorted(name for name in self.kept if name.startswith(prefix))
        below = sorted({prefix + name[len(prefix) :].split("/")[0] + "/" for name in names if delimiter and "/" in name[len(prefix) :]})
        here = [name for name in names if not (delimiter and "/" in name[len(prefix) :])]
        parts = [f"<Contents><Key>{escape(name)}</Key><Size>{len(self.kept[name])}</Size></Contents>" for name in here]
        parts += [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in below]
        xml = f"<ListBucketResult><IsTruncated>false</IsTruncated><Prefix>{escape(prefix)}</Prefix>{''.join(parts)}</ListBucketResult>"
        self._answer(200, xml.encode())

    def log_message(self, *arguments: Any) -> None:
        return


def _unchunked(body: bytes) -> bytes:
    """Bodies in signed or unsigned chunks, each `<hex size>[;signature]\\r\\n<bytes>\\r\\n`."""
    whole, place = b"", 0
    while (found := re.compile(rb"([0-9a-fA-F]+)[^\r]*\r\n").match(body, place)) and (size := int(found[1], 16)):
        whole += body[found.end() : found.end() + size]
        place = found.end() + size + 2
    return whole


@contextlib.contextmanager
def server() -> Iterator[str]:
    handler = type("Own", (Handler,), {"kept": {}})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        port = listening.server_address[1]
        asked = f"endpoint_url=http://127.0.0.1:{port}&region_name=us-east-1&addressing_style=path"
        yield f"s3://{ACCESS}:{SECRET}@{BUCKET}/night?{asked}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
