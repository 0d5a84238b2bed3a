"""A download from the loopback: it makes a new file or none, and what is there already stays as it is."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from executors.state import run_step
from tests.support.real_tools import CATALOGUE, RealTools

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")

TOOLS = RealTools({})


class Pages(BaseHTTPRequestHandler):
    """`/file` is there, `/moved` leads to it, `/away` leads to a file of this machine, everything else is nowhere."""

    content: ClassVar[bytes] = b"what was asked for\n"
    leads: ClassVar[dict[str, str]] = {"/moved": "/file", "/away": "file:///etc/hostname"}

    def do_GET(self) -> None:
        if self.path in self.leads:
            self.send_response(302)
            self.send_header("Location", self.leads[self.path])
            self.end_headers()
            return
        self.send_response(200 if self.path == "/file" else 404)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *words: object) -> None:
        """Keep the test's output free of requests."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("page", ["/file", "/moved"])
def test_a_download_makes_the_file_that_was_promised(site: str, tmp_path: Path, page: str) -> None:
    target = tmp_path / "new"
    TOOLS.change("network.download", url=f"{site}{page}", path=str(target))
    assert target.read_bytes() == Pages.content


def test_an_existing_file_is_in_the_way(site: str, tmp_path: Path) -> None:
    target = tmp_path / "old"
    target.mkdir()
    assert TOOLS.refusal("network.download", url=f"{site}/file", path=str(target))


@pytest.mark.parametrize("page", ["/nowhere", "/away"])
def test_what_is_not_there_or_leads_to_a_file_of_the_machine_makes_none(site: str, tmp_path: Path, page: str) -> None:
    intent, target = CATALOGUE["network.download"], tmp_path / "none"
    assert intent.operation.change is not None
    values = {"url": f"{site}{page}", "path": str(target)}
    step = run_step(intent, intent.operation.change, values, interrupt="kill")
    done = subprocess.run(step.argv, capture_output=True, timeout=60, check=False)
    assert done.returncode not in step.ok_exit_codes
    assert not target.exists()
