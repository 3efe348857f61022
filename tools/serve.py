"""Serve the built site on this computer alone: `python -m tools.serve [--port 8000]`."""

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).parent.parent / "_build" / "html"


class Handler(SimpleHTTPRequestHandler):
    """Files of the site with types that do not depend on the computer's own registry."""

    protocol_version = "HTTP/1.1"  # one connection serves many requests
    extensions_map = {  # noqa: RUF012
        "": "application/octet-stream",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ipynb": "application/x-ipynb+json",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".md": "text/markdown; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        ".woff2": "font/woff2",
    }

    def guess_type(self, path: str) -> str:  # type: ignore[override]
        """Return the type by the file's ending alone."""
        return self.extensions_map.get(Path(path).suffix.lower(), self.extensions_map[""])

    def end_headers(self) -> None:
        """Let the browser ask again each time, so that a new build is seen at once."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests."""


class Server(ThreadingHTTPServer):
    """A server that fails when the port is taken, on Windows too."""

    allow_reuse_address = sys.platform != "win32"
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a browser hangs up; what else goes wrong is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def serve(site: Path, port: int) -> Server:
    """Return a server of the folder on 127.0.0.1; port 0 takes any that is free."""
    return Server(("127.0.0.1", port), partial(Handler, directory=str(site)))


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args(arguments).port
    if not (SITE / "index.html").exists():
        print("There is no site yet: make book (or python -m tools.build) first.", file=sys.stderr)
        return 1
    try:
        server = serve(SITE, port)
    except (OSError, OverflowError):
        print(f"Port {port} is taken or not allowed: choose another with --port.", file=sys.stderr)
        return 1
    print(f"Language Models, Live: http://127.0.0.1:{port} (Ctrl+C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
