"""A web server on loopback with the manners, good and bad, of servers out there."""

import contextlib
import hashlib
import http.server
import threading
from collections import Counter
from typing import ClassVar

BODY = b"id,sequence\n1,ACGU\n" * 20_000
DIGEST = hashlib.sha256(BODY).hexdigest()
PAGE = b"<!DOCTYPE html><title>please log in</title>"


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path is one kind of server; `requests` counts what was asked of it."""

    requests: ClassVar[Counter] = Counter()
    ranges: ClassVar[list] = []
    body = BODY

    def answer(self, body, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        Handler.requests[path] += 1
        first = Handler.requests[path] == 1
        body, half = Handler.body, len(Handler.body) // 2
        asked = self.headers.get("Range")
        Handler.ranges.append(asked)
        if path in ("/busy", "/unavailable") and Handler.requests[path] <= 2:
            self.answer(b"slow down", 429 if path == "/busy" else 503, Retry_After="7")
        elif path == "/busy-until":
            self.answer(b"", 429, Retry_After="Mon, 01 Jan 2035 00:00:00 GMT")
        elif path == "/missing":
            self.answer(b"nothing here", 404)
        elif path == "/forbidden":
            self.answer(b"members only", 403)
        elif path == "/login":
            self.answer(PAGE, Content_Type="text/html; charset=utf-8")
        elif path == "/login-as-data":
            self.answer(PAGE, Content_Type="application/octet-stream")
        elif path == "/cut-once" and first:
            self.answer(body[:half], length=len(body), ETag='"one"')
        elif path == "/cut-once" and asked and self.headers.get("If-Range") == '"one"':
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            content_range = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.answer(body[start:], 206, ETag='"one"', Content_Range=content_range)
        elif path == "/changed" and first:
            self.answer(b"x" * half, length=len(body), ETag='"old"')
        elif path == "/changed":  # If-Range does not fit any more: all of it
            self.answer(body, ETag='"new"')
        elif path == "/wrong-part" and first:
            self.answer(body[:half], length=len(body), ETag='"one"')
        elif path == "/wrong-part" and asked:
            self.answer(body[10:], 206, ETag='"one"', Content_Range=f"bytes 10-{len(body)}/*")
        elif path == "/too-far" and first:
            self.answer(body[:half], length=len(body), ETag='"one"')
        elif path == "/too-far" and asked:
            self.answer(b"", 416)
        elif path == "/cut-without-etag" and first:
            self.answer(body[:half], length=len(body))
        elif path == "/cut-always":
            self.answer(body[:half], length=len(body))
        elif path == "/moved":
            self.answer(b"", 302, Location="/table.csv")
        elif path == "/circle":
            self.answer(b"", 302, Location="/circle")
        elif path == "/other":
            self.answer(b"other content")
        else:
            self.answer(body, ETag='"whole"')

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve():
    """Run the server; gives its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
