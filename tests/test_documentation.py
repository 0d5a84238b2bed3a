"""The documentation is true: its commands run, its links lead somewhere, its tables are those of the code."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from executors.state import run_step
from intents.catalogue import Catalogue
from intents.errors import ValueRejected
from intents.parsers import PARSERS, parse_output
from intents.types.base import ValueContext
from shell.cli import COMMANDS
from shell.exit_status import ExitStatus
from shell.settings import SETTINGS
from shell.version import VERSION
from tests.support.sshd import MISSING, running_sshd

ROOT = Path(__file__).resolve().parent.parent
SAYSO = Path(sys.executable).parent / "sayso"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "tests" / "packs" / "README.md"]
TOLERANCE_POINTS = 3.0
"""Scores differ in their last digits between CPU types, and decisions near a threshold with them."""

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"#\s+exit status (\d+)")
_LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([\w-]+))?\)")
_OPTION = re.compile(r"`(--[a-z][a-z-]*)")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [one["body"] for one in _BLOCK.finditer(page.read_text(encoding="utf-8")) if one["language"] == language]


@dataclass(frozen=True, slots=True)
class Command:
    """One documented command line: what to type, and how it has to end."""

    page: str
    line: str

    @property
    def stages(self) -> list[list[str]]:
        """The commands of its pipe; the comment is left out."""
        words = shlex.split(self.line, comments=True)
        stages: list[list[str]] = [[]]
        for word in words:
            if word == "|":
                stages.append([])
            else:
                stages[-1].append(word)
        return stages

    @property
    def expected(self) -> int:
        found = _EXPECTED.search(self.line)
        return int(found[1]) if found else 0


def documented(page: Path) -> list[Command]:
    """Every command of the page's console blocks, in order: later ones build on earlier ones."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a console block holds commands only"
    return [Command(relative(page), line.removeprefix("$ ")) for line in lines]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An inventory where web1 and web2 are a real sshd on loopback."""
    if MISSING:
        pytest.skip(MISSING)
    with ExitStack() as stack:
        server = stack.enter_context(running_sshd(tmp_path_factory.mktemp("sshd")))
        address = server.address
        variables = (
            f"ansible_host={address.hostname} ansible_port={address.port} ansible_user={address.user} "
            f"ansible_ssh_private_key_file={address.identity_files[0]}"
        )
        known = Path(address.known_hosts_files[0]).read_text()
        yield f"[web]\nweb1 {variables}\nweb2 {variables}\n\n#known {known}"


@pytest.fixture
def surroundings(tmp_path: Path, hosts: str) -> Mapping[str, str]:
    """A person's account: a home with SSH's known_hosts and an inventory, and a folder with app.conf."""
    inventory, _, known = hosts.partition("#known ")
    home, work = tmp_path / "home", tmp_path / "work"
    for folder in (home / ".ssh", home / ".config" / "sayso", work):
        folder.mkdir(parents=True)
    (home / ".ssh" / "known_hosts").write_text(known)
    (home / ".config" / "sayso" / "inventory.ini").write_text(inventory)
    (work / "hosts.ini").write_text(inventory)
    (work / "app.conf").write_text("vm.dirty_ratio = 20\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SAYSO_"))}
    return {**kept, "HOME": str(home), "PWD": str(work)}


def run(command: Command, surroundings: Mapping[str, str]) -> "subprocess.CompletedProcess[bytes]":
    """Run a command line's programs one after the other, each fed with what the one before wrote."""
    fed = b""
    done: subprocess.CompletedProcess[bytes] | None = None
    for words in command.stages:
        program = str(SAYSO) if words[0] == "sayso" else words[0]
        done = subprocess.run(
            [program, *words[1:]],
            check=False, input=fed, capture_output=True, env=dict(surroundings), cwd=surroundings["PWD"],
        )  # fmt: skip
        fed = done.stdout
    assert done is not None
    return done


@pytest.mark.model
@pytest.mark.sshd
@pytest.mark.parametrize("name", ["README.md", "docs/scripts.md", "docs/changes.md"])
def test_every_documented_command_ends_as_the_page_says(name: str, surroundings: Mapping[str, str]) -> None:
    commands = documented(ROOT / name)
    assert commands
    for command in commands:
        done = run(command, surroundings)
        assert done.returncode == command.expected, f"{command.line}\n{done.stdout.decode()}{done.stderr.decode()}"


def test_only_tested_pages_have_console_blocks() -> None:
    pages = {relative(page) for page in PAGES if blocks(page, "console")}
    assert pages == {"README.md", "docs/scripts.md", "docs/changes.md"}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=relative)
def test_every_make_target_that_is_named_is_there(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    assert set(named) <= targets


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, anchor


@pytest.mark.parametrize("name", ["README.md", "docs/scripts.md"])
def test_the_exit_statuses_are_those_of_the_code(name: str) -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == [int(status) for status in ExitStatus]


def test_every_setting_is_documented_with_its_variable() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", (ROOT / "docs" / "scripts.md").read_text(), re.MULTILINE)
    assert rows == [(setting.name, setting.variable) for setting in SETTINGS]


def test_every_option_that_is_named_is_one() -> None:
    told = subprocess.run([str(SAYSO), "--help"], check=True, capture_output=True, text=True).stdout
    known = set(re.findall(r"--[a-z][a-z-]*", told))
    for name in ("README.md", "docs/scripts.md", "docs/security.md", "docs/architecture.md", "docs/hosts.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(_OPTION.findall(text)) | {
            word for command in documented(ROOT / name) for word in command.stages[-1] if word.startswith("--")
        }
        assert named <= known, name


def test_the_help_names_every_command() -> None:
    told = subprocess.run([str(SAYSO), "--help"], check=True, capture_output=True, text=True).stdout
    usage = told.partition("\n\n")[0]
    assert set(COMMANDS) - {"help"} <= set(re.findall(r"^\s+sayso (?:\[OPTIONS\] )?([a-z]+)", usage, re.MULTILINE))


def test_the_help_names_every_exit_status() -> None:
    told = subprocess.run([str(SAYSO), "--help"], check=True, capture_output=True, text=True).stdout
    statuses = re.findall(r"\b(\d+) [a-z]", told.partition("exit status:")[2])
    assert [int(number) for number in statuses] == [int(status) for status in ExitStatus]


def test_the_changelog_begins_with_the_current_version() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert versions[0] == VERSION


def test_the_readme_counts_the_operations() -> None:
    told = re.search(r"It knows (\d+) operations", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert told is not None
    assert int(told[1]) == len(Catalogue.load())


@pytest.mark.parametrize("page", [ROOT / "docs" / "packs.md", ROOT / "CONTRIBUTING.md"], ids=relative)
def test_the_entries_that_are_shown_are_valid_packs(page: Path, tmp_path: Path) -> None:
    entries = [block for block in blocks(page, "yaml") if not block.startswith("- ")]
    assert entries
    before = set(Catalogue.load())
    packs = {tmp_path / f"shown{number}.yml": entry.encode() for number, entry in enumerate(entries)}
    named = {entry.partition(":")[0] for entry in entries}
    assert named == set(Catalogue.load(user_packs=packs)) - before


def test_the_golden_cases_that_are_shown_hold(tmp_path: Path) -> None:
    entry, cases = blocks(ROOT / "CONTRIBUTING.md", "yaml")
    intent = Catalogue.load(user_packs={tmp_path / "shown.yml": entry.encode()})[entry.partition(":")[0]]
    read = intent.operation.read
    assert read is not None
    for case in yaml.safe_load(cases):
        if "vector" in case:
            assert list(run_step(intent, read.command, case["arguments"], interrupt="kill").argv) == case["vector"]
        elif "rows" in case:
            assert parse_output(read.parser, case["output"].encode(), read.columns) == case["rows"]
        else:
            ((name, text),) = case["text"].items()
            with pytest.raises(ValueRejected, match=case["refused"]):
                intent.parameters[name].type.parse(text, ValueContext(datetime.now(UTC), "/", "/"))


def test_every_key_of_an_entry_is_documented() -> None:
    from intents import schema

    models = (
        schema.Entry, schema.ParameterEntry, schema.ReadEntry, schema.EditEntry, schema.PlaybookEntry, schema.ColumnEntry,
        schema.VariantEntry, schema.NearMissEntry, schema.UndoEntry, schema.GivenEntry, schema.WhenEntry,
    )  # fmt: skip
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    text = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
    assert not {key for key in keys if not re.search(rf"(?:`|\{{|, ){key}(?:`|:|,)", text)}


def test_every_type_parser_and_fact_that_a_pack_may_name_is_documented() -> None:
    from intents.rules import FACTS
    from intents.types.registry import TYPE_WORDS, make_type

    forms = {form for word in TYPE_WORDS if word != "choice" for form in make_type(word, {}).formats}
    parsers = {name for name in PARSERS if not name.startswith("F:")}
    text = (ROOT / "docs" / "packs.md").read_text(encoding="utf-8")
    assert {*TYPE_WORDS, *FACTS, *forms, *parsers} <= set(re.findall(r"`([^`\n]+)`", text))


def test_the_thresholds_are_those_of_the_interpreter() -> None:
    from intents.deciding import Thresholds

    text = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    limits = Thresholds()
    assert f"own score below {limits.ask:.2f} |" in text
    assert (
        f"| below {limits.read:.2f} (a read), {limits.change:.2f} (a change), {limits.destructive:.2f} (a destructive one) |"
        in text
    )
    assert f"(below {limits.conditional:.2f})" in text
    assert f"other words only from {limits.strange:.2f}" in text


def test_the_json_example_is_valid_by_the_schema() -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads((ROOT / "shell" / "schema" / "sayso-1.schema.json").read_text(encoding="utf-8"))
    examples = blocks(ROOT / "docs" / "scripts.md", "json")
    assert examples
    for example in examples:
        Draft202012Validator(schema).validate(json.loads(example))


def test_the_policy_example_is_a_valid_rule(tmp_path: Path) -> None:
    from executors.policy import load_policy

    for number, block in enumerate(blocks(ROOT / "docs" / "scripts.md", "yaml")):
        (tmp_path / f"{number}.yml").write_text(block, encoding="utf-8")
    assert load_policy(tmp_path / "none", tmp_path, as_root=False).own


def test_the_inventory_example_can_be_read(tmp_path: Path) -> None:
    from executors.inventory import Inventory

    (example,) = blocks(ROOT / "docs" / "hosts.md", "ini")
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(example, encoding="utf-8")
    inventory.chmod(0o600)
    names = [address.name for address in Inventory.load([inventory], []).resolve("production")]
    assert names == ["web1.example.org", "web2.example.org", "web3.example.org", "db1"]


def test_the_json_fields_are_those_that_are_written() -> None:
    from intents.interpretation import Interpretation
    from shell.contract import to_json
    from shell.response import Response

    text = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    section = text.partition("## The JSON object")[2].partition("\n## ")[0]
    written = to_json(Response("request", ExitStatus.DONE, interpretation=Interpretation("request", 0.5)))
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(written)


def test_every_file_that_is_named_exists() -> None:
    """Paths in the text, such as `executors/ssh.py`."""
    packages = r"(?:shell|executors|history|playbooks|intents|scripts|tests|docs)"
    for page in PAGES:
        for path in re.findall(rf"`({packages}/[\w./-]+)`", page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{relative(page)}: {path}"


def test_the_reference_is_what_the_packs_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_reference.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("name", ["test.jsonl", "calibration.jsonl"])
def test_the_accuracy_figures_are_those_that_are_measured(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "evaluate.py"), str(ROOT / "tests" / "sentences" / name)],
        check=True, capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    kept = next(block for block in blocks(ROOT / "docs" / "accuracy.md", "text") if block.startswith(name))
    number = re.compile(r"\d+(?:\.\d+)?")
    for line, measured in zip(kept.splitlines(), done.stdout.splitlines()[1:], strict=False):
        assert number.sub("N", line) == number.sub("N", measured)
        for written, found in zip(number.findall(line), number.findall(measured), strict=True):
            assert abs(float(written) - float(found)) <= TOLERANCE_POINTS, f"docs/accuracy.md: {line}; now {measured}"
