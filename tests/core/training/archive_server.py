"""ESC-50 in miniature as a zip file, and a server of it whose manners can be chosen."""

from __future__ import annotations

import io
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZIP_STORED, ZipFile


def miniature(sound: bytes) -> dict[str, bytes]:
    """Return ESC-50 in miniature, packed as GitHub does: in a folder of its own."""
    lines, files = ["filename,fold,target,category"], {}
    for i in range(12):
        lines.append(f"{i}.wav,{1 + i // 6},{i % 3},class {i % 3}")
        files[f"ESC-50-master/audio/{i}.wav"] = sound
    return files | {"ESC-50-master/meta/esc50.csv": "\n".join(lines).encode()}


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip file's bytes."""
    archive = io.BytesIO()
    with ZipFile(archive, "w", ZIP_STORED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return archive.getvalue()


class Server(ThreadingHTTPServer):
    """Serves one file; the attributes say how well it behaves."""

    data = b""
    etag = ""
    knows_ranges = True
    tells_length = True
    cut_after: int | None = None  # bytes of a body, then the connection ends
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ranges: list[str | None] = []  # as asked for, one a request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/archive.zip"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.ranges.append(wanted)
        self.close_connection = True
        if server.status != 200:
            self._head(server.status, 0)
            return
        start = 0
        changed = self.headers.get("If-Range", server.etag) != server.etag
        if wanted and server.knows_ranges and not changed:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(server.data):
            self._head(416, 0, ("Content-Range", f"bytes */{len(server.data)}"))
            return
        body = server.data[start:]
        position = f"bytes {start}-{len(server.data) - 1}/{len(server.data)}"
        self._head(206 if start else 200, len(body), ("Content-Range", position))
        self._send(body[: server.cut_after])

    def _head(self, status: int, length: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        if self.server.tells_length:
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        for header in headers:
            self.send_header(*header)
        self.end_headers()

    def _send(self, body: bytes) -> None:
        if self.server.tells_length:
            self.wfile.write(body)
            return
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        if self.server.cut_after is None:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass
