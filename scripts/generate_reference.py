"""Writes docs/reference: one page for each pack, from the catalogue. `--check` only compares."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from intents.catalogue import Catalogue  # noqa: E402 - the path comes first
from intents.intent import Intent, Operation  # noqa: E402
from intents.template import words_of  # noqa: E402

FOLDER = ROOT / "docs" / "reference"


def pages(catalogue: Catalogue) -> dict[str, str]:
    """Return file name -> content of every page."""
    packs: dict[str, list[Intent]] = defaultdict(list)
    for intent in catalogue.values():
        packs[intent.pack].append(intent)
    made = {f"{pack}.md": "\n".join(_page(pack, intents)) + "\n" for pack, intents in packs.items()}
    lines = ["# Reference", "", f"{len(catalogue)} intents. Generated from the packs by `make docs`.", ""]
    for pack, intents in sorted(packs.items()):
        lines.append(f"- [{pack}]({pack}.md): {', '.join(f'`{intent.name}`' for intent in intents)}")
    made["README.md"] = "\n".join(lines) + "\n"
    return made


def _page(pack: str, intents: Sequence[Intent]) -> Iterator[str]:
    yield f"# {pack}"
    for intent in intents:
        yield from _entry(intent)


def _entry(intent: Intent) -> Iterator[str]:
    yield from ("", f"## {intent.name}", "", f"{intent.summary}. Risk: **{intent.risk.word}**." + _effects(intent), "")
    if intent.parameters:
        yield from ("| parameter | type | | meaning |", "| --- | --- | --- | --- |")
        for parameter in intent.parameters.values():
            need = "required" if parameter.required else "optional"
            if parameter.default is not None:
                need = f"default {parameter.default}"
            many = ", several" if parameter.many else ""
            yield f"| `{parameter.name}` | {parameter.type.name}{many} | {need} | {parameter.description} |"
        yield ""
    yield "Say for example:"
    yield ""
    yield from (f"- {example}" for example in intent.examples)
    yield ""
    yield from _runs(intent.operation, "")
    for variant in intent.variants:
        facts = ", ".join(f"{name} {value}" for name, value in variant.when.items())
        yield from _runs(variant.operation, f" ({facts})")
    yield f"Undo: {_undo(intent)}."


def _effects(intent: Intent) -> str:
    return f" Touches {', '.join(intent.effects)}." if intent.effects else ""


def _runs(operation: Operation, where: str) -> Iterator[str]:
    command = operation.read.command if operation.read else operation.change
    if command is not None:
        words = [
            word.prefix + (f"{{{word.parameter}}}" if word.parameter else "") + word.suffix
            for word in words_of(command.template)
        ]
        account = f" as {command.as_user}" if command.as_user else ""
        yield f"Runs{where}{account}: `{' '.join(words)}`"
        yield ""
    if operation.edit is not None:
        path = operation.edit.path.prefix + f"{{{operation.edit.path.parameter}}}"
        yield f"Edits{where}: `{path}` ({operation.edit.operation})"
        yield ""
    if operation.playbook is not None:
        account = f" as {operation.playbook.as_user}" if operation.playbook.as_user else ""
        yield f"Runs the playbook{where}{account}: `playbooks/{operation.playbook.name}/playbook.yml`"
        yield ""


def _undo(intent: Intent) -> str:
    if not intent.is_change:
        return "nothing changes"
    undo = intent.operation.undo
    if undo is None:
        return "the content from before, from its backup"
    return f"`{undo.intent}`" if undo.intent else f"not possible: {undo.impossible}".rstrip(".")


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check return 1 when they are not what the catalogue says."""
    made = pages(Catalogue.load())
    if "--check" in arguments:
        kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
        stale = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
        if stale:
            print(f"docs/reference is not what the packs say ({', '.join(stale)}): run `make docs`.")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, content in made.items():
        (FOLDER / name).write_text(content, encoding="utf-8")
    print(f"{len(made)} pages in {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
