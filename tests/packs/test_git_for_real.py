"""The git intents on a checkout of the test's own with a remote repository beside it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from intents.values import Json
from tests.support.real_tools import RealTools

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@dataclass(frozen=True)
class Checkout:
    """A checkout, and another one of the same remote from which new commits come."""

    tools: RealTools
    path: Path
    other: Path

    @property
    def place(self) -> dict[str, Json]:
        return {"path": str(self.path)}

    def commit_elsewhere(self, text: str) -> str:
        """Push a new commit from the other checkout, and return its hash."""
        (self.other / "app.py").write_text(text)
        git(self.other, "commit", "--quiet", "--all", f"--message={text}")
        git(self.other, "push", "--quiet", "--tags", "origin", "main")
        return git(self.other, "rev-parse", "HEAD")


def git(folder: Path, *words: str) -> str:
    argv = ["git", "-C", str(folder), "-c", "user.name=Ann O'Nym", "-c", "user.email=ann@example.org", *words]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60, env=environment).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    git(tmp_path, "clone", "--quiet", "remote.git", "other")
    other = tmp_path / "other"
    git(other, "switch", "--quiet", "--create", "main")
    (other / "app.py").write_text("one\n")
    git(other, "add", "app.py")
    git(other, "commit", "--quiet", "--message=the first")
    git(other, "tag", "--annotate", "--message=released", "v1.0")
    git(other, "push", "--quiet", "--tags", "--set-upstream", "origin", "main")
    git(tmp_path, "clone", "--quiet", "remote.git", "checkout")
    return Checkout(RealTools({"HOME": str(tmp_path)}), tmp_path / "checkout", other)


def test_a_clean_checkout_has_only_its_branch(checkout: Checkout) -> None:
    assert checkout.tools.read("git.status", **checkout.place) == [
        {"what": "branch", "name": "main", "detail": "0 ahead of and 0 behind origin/main"}
    ]
    assert checkout.tools.read("git.diff", **checkout.place) == []


def test_every_kind_of_change_is_told(checkout: Checkout) -> None:
    for name in ("gone", "old name", "touched"):
        (checkout.path / name).write_text(f"{name}\n" * 20)
    git(checkout.path, "add", "--all")
    git(checkout.path, "commit", "--quiet", "--message=more")
    (checkout.path / "gone").unlink()
    git(checkout.path, "mv", "old name", "new\nname")
    (checkout.path / "touched").write_text("by hand\n")
    (checkout.path / "brand new").touch()
    rows = checkout.tools.read("git.status", **checkout.place)
    assert {(row["what"], row["name"], row["detail"]) for row in rows} == {
        ("branch", "main", "1 ahead of and 0 behind origin/main"),
        ("deleted", "gone", "not staged"),
        ("modified", "touched", "not staged"),
        ("renamed", "new\nname", "staged, from old name"),
        ("untracked", "brand new", None),
    }
    assert "+by hand" in str(checkout.tools.read("git.diff", **checkout.place)[0]["diff"])


def test_commits_branches_and_remotes_are_listed(checkout: Checkout) -> None:
    (commit,) = checkout.tools.read("git.log", **checkout.place)
    assert (commit["author"], commit["subject"]) == ("Ann O'Nym", "the first")
    names = {(row["kind"], row["name"]): row for row in checkout.tools.read("git.branches", **checkout.place)}
    assert names.keys() == {("branch", "main"), ("remote", "origin/HEAD"), ("remote", "origin/main"), ("tag", "v1.0")}
    assert names["branch", "main"]["current"] is True
    git(checkout.path, "remote", "set-url", "origin", "https://ann:secret@example.org/app.git")
    assert {str(row["url"]) for row in checkout.tools.read("git.remotes", **checkout.place)} == {
        "https://***@example.org/app.git"
    }


def test_a_fetch_changes_what_is_known_and_a_pull_the_files_until_it_is_taken_back(checkout: Checkout) -> None:
    new = checkout.commit_elsewhere("two\n")
    checkout.tools.change("git.fetch", **checkout.place)
    assert checkout.tools.state("git.pull", **checkout.place)["behind"] == 1
    assert (checkout.path / "app.py").read_text() == "one\n"
    before, after = checkout.tools.change("git.pull", **checkout.place)
    assert (after["commit"], after["behind"]) == (new, 0)
    assert (checkout.path / "app.py").read_text() == "two\n"
    checkout.tools.change("git.reset", commit=before["commit"], **checkout.place)
    assert (checkout.path / "app.py").read_text() == "one\n"


def test_a_pull_waits_for_what_was_changed_by_hand(checkout: Checkout) -> None:
    (checkout.path / "app.py").write_text("by hand\n")
    assert checkout.tools.refusal("git.pull", **checkout.place) == ["changes is 1, not 0"]


def test_a_tag_is_checked_out_and_the_branch_comes_back(checkout: Checkout) -> None:
    checkout.commit_elsewhere("two\n")
    checkout.tools.change("git.pull", **checkout.place)
    before, after = checkout.tools.change("git.check_out", revision="v1.0", **checkout.place)
    assert (before["branch"], before["there"], after["branch"]) == ("main", False, "(detached)")
    assert (checkout.path / "app.py").read_text() == "one\n"
    assert checkout.tools.change("git.switch", branch="main", **checkout.place)[1]["behind"] == 0
    assert (checkout.path / "app.py").read_text() == "two\n"


def test_a_branch_that_is_not_there_is_an_error_and_a_commit_is_no_branch(checkout: Checkout) -> None:
    for branch in ("nosuch", "v1.0"):
        with pytest.raises(AssertionError, match=r"fatal: (invalid reference|a branch is expected)"):
            checkout.tools.change("git.switch", branch=branch, **checkout.place)


def test_nothing_of_the_checkout_runs(checkout: Checkout, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nexit 1\n")
    trap.chmod(0o755)
    hooks = checkout.path / ".git/hooks"
    for hook in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        (hooks / hook).symlink_to(trap)
    git(checkout.path, "config", "core.fsmonitor", str(trap))
    git(checkout.path, "config", "diff.external", str(trap))
    (tmp_path / "sprung").unlink(missing_ok=True)
    checkout.commit_elsewhere("two\n")
    for read in ("git.status", "git.log", "git.diff", "git.branches", "git.remotes"):
        checkout.tools.read(read, **checkout.place)
    checkout.tools.change("git.fetch", **checkout.place)
    checkout.tools.change("git.pull", **checkout.place)
    checkout.tools.change("git.check_out", revision="v1.0", **checkout.place)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a checkout away")
def test_a_checkout_of_somebody_elses_is_refused_by_git_itself(checkout: Checkout) -> None:
    shutil.chown(checkout.path, "nobody")
    with pytest.raises(AssertionError, match="dubious ownership"):
        checkout.tools.read("git.status", **checkout.place)
