"""The container intents on podman with a store of the test's own. No container is started: that takes more than a test may have."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.real_tools import RealTools

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("podman") is None or os.geteuid() != 0, reason="needs podman, and root for its plain store"
    ),
]


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[RealTools]:
    """An engine with one image, `localhost/tiny:1`, and one container of it, `web`."""
    (tmp_path / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{tmp_path}/run"\ngraphroot = "{tmp_path}/store"\n'
    )
    (tmp_path / "containers.conf").write_text(
        f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "{tmp_path}/tmp"\n[containers]\nnetns = "none"\n'
    )
    tools = RealTools({
        "HOME": str(tmp_path), "CONTAINERS_STORAGE_CONF": str(tmp_path / "storage.conf"),
        "CONTAINERS_CONF": str(tmp_path / "containers.conf"),
    })  # fmt: skip
    make_image(tools, tmp_path, "the first")
    do(
        tools,
        "create",
        "--name",
        "web",
        "--volume",
        "pages:/srv",
        "--env",
        "PASSWORD=secret",
        "localhost/tiny:1",
        "/file",
    )
    yield tools
    do(tools, "rm", "--all", "--force")


def make_image(tools: RealTools, folder: Path, content: str) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content.encode()))
    (folder / "image.tar").write_bytes(archive.getvalue())
    do(tools, "import", "--quiet", str(folder / "image.tar"), "localhost/tiny:1")


def do(tools: RealTools, *words: str) -> None:
    environment = {"PATH": os.environ["PATH"], **tools.environment}
    subprocess.run(["podman", *words], check=True, capture_output=True, env=environment, timeout=60)


def test_containers_images_and_volumes_are_listed(podman: RealTools) -> None:
    (web,) = podman.read("container.list")
    assert (web["name"], web["image"], web["state"]) == ("web", "localhost/tiny:1", "created")
    assert [row["name"] for row in podman.read("container.images")] == ["localhost/tiny:1"]
    assert [row["Name"] for row in podman.read("container.volumes")] == ["pages"]
    usage = {row["type"]: row["total"] for row in podman.read("container.disk_usage")}
    assert usage == {"Images": 1, "Containers": 1, "Local Volumes": 1}


def test_details_leave_the_environment_out(podman: RealTools) -> None:
    (web,) = podman.read("container.info", container="web")
    assert (web["name"], web["mounts"], web["started"]) == ("web", ["pages at /srv"], None)
    assert "secret" not in json.dumps(web)
    with pytest.raises(AssertionError, match="no such container"):
        podman.read("container.info", container="nosuch")


def test_a_container_that_does_not_run_is_stopped_already(podman: RealTools) -> None:
    assert podman.state("container.stop", container="web")["state"] == "created"


def test_a_container_is_removed_once(podman: RealTools) -> None:
    assert podman.change("container.remove", container="web")[1] == {}
    assert podman.state("container.remove", container="web") == {}
    assert podman.read("container.list") == []


def test_stopped_containers_are_cleaned_up_as_the_dry_run_says(podman: RealTools) -> None:
    assert [(row["action"], row["name"]) for row in podman.would("container.prune")] == [("delete", "web")]
    podman.change("container.prune")
    assert podman.read("container.list") == []


def test_an_image_that_a_newer_one_replaced_is_cleaned_up(podman: RealTools, tmp_path: Path) -> None:
    assert podman.would("container.prune_images") == []
    podman.change("container.remove", container="web")
    make_image(podman, tmp_path, "the second")
    assert [row["name"] for row in podman.would("container.prune_images")] == [None]
    podman.change("container.prune_images")
    assert [row["name"] for row in podman.read("container.images")] == ["localhost/tiny:1"]


def test_an_image_is_removed_when_nothing_needs_it(podman: RealTools) -> None:
    with pytest.raises(AssertionError, match="in use"):
        podman.change("container.remove_image", image="localhost/tiny:1")
    podman.change("container.remove", container="web")
    assert podman.change("container.remove_image", image="localhost/tiny:1")[1] == {}
    assert podman.state("container.pull", image="localhost/tiny:1") == {}
