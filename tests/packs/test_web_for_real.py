"""The reads of web addresses and certificates on servers of the test's own on the loopback; nginx's dump by nginx itself."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from intents.parsers import parse_output
from tests.support.real_tools import CATALOGUE, RealTools

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
DAY_S = 24 * 60 * 60


class Redirecting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"moved")

    def log_message(self, *words: object) -> None:
        """Keep the test's output free of requests."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for localhost, its key beside it."""
    path = tmp_path / "site.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-keyout", tmp_path / "key.pem", "-out", path, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:www.example.org"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return path


@needs_curl
def test_a_web_address_tells_its_status_and_where_it_leads(tmp_path: Path) -> None:
    with serving() as port:
        (answer,) = RealTools({"HOME": str(tmp_path)}).read("web.status", url=f"http://127.0.0.1:{port}/")
    assert (answer["status"], answer["address"], answer["size"]) == (301, "127.0.0.1", 5)
    assert answer["redirect"] == f"http://127.0.0.1:{port}/elsewhere"
    assert answer["type"] == "text/html; charset=utf-8"


@needs_curl
def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with serving() as port:
        pass
    with pytest.raises(AssertionError, match="Failed to connect"):
        RealTools({"HOME": str(tmp_path)}).read("web.status", url=f"http://127.0.0.1:{port}/")


@needs_openssl
def test_a_certificate_is_the_same_in_its_file_and_on_its_server(certificate: Path) -> None:
    tools = RealTools({})
    (filed,) = tools.read("certificate.file", path=str(certificate))
    assert (filed["subject"], filed["names"]) == ("CN=localhost", ["localhost", "www.example.org"])
    assert int(str(filed["valid_until"])) - int(str(filed["valid_from"])) == 30 * DAY_S
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.parent / "key.pem")
    with serving(context) as port:
        (shown,) = tools.read("certificate.server", host="localhost", port=port)
    assert (shown["subject"], shown["verified"], shown["protocol"]) == (
        "CN = localhost",
        "self-signed certificate",
        "TLSv1.3",
    )
    assert (shown["valid_from"], shown["valid_until"]) == (filed["valid_from"], filed["valid_until"])


@needs_openssl
def test_a_file_without_a_certificate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no certificate\n")
    with pytest.raises(AssertionError, match=r"Could not read certificate|unable to load certificate"):
        RealTools({}).read("certificate.file", path=str(tmp_path / "text"))


@needs_nginx
def test_what_nginx_dumps_is_read_whatever_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites/odd").write_text(
        "server { listen 127.0.0.1:8080; # server { listen 1; }\n server_name 'a.example' ~^b(\\d+)\\.example$;\n"
        ' location / { return 200 "server { listen 2; }"; } root /srv/${host}; }\n'
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\nhttp {{ access_log off; include {tmp_path}/sites/*;\n"
        "upstream app { server 127.0.0.1:3000; } server { listen 8081; location / { proxy_pass http://app; } } }\n"
    )
    dumped = subprocess.run(
        ["nginx", "-T", "-q", "-c", tmp_path / "nginx.conf"], check=True, capture_output=True, timeout=60
    ).stdout
    sites, files = CATALOGUE["web.sites"].operation.read, CATALOGUE["web.test"].operation.read
    assert sites is not None
    assert files is not None
    rows = parse_output(sites.parser, dumped, sites.columns)
    assert [(row["listen"], row["names"], row["serves"]) for row in rows] == [
        (["8081"], [], "http://app"),
        (["127.0.0.1:8080"], ["a.example", r"~^b(\d+)\.example$"], "/srv/${host}"),
    ]
    assert {row["path"]: row["lines"] for row in parse_output(files.parser, dumped, files.columns)} == {
        str(tmp_path / "nginx.conf"): 3,
        str(tmp_path / "sites/odd"): 3,
    }
