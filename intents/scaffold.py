"""A new pack to start from: an entry that loads as it stands, with a note on each thing to write."""

from intents.errors import RequestError
from intents.rules import NAME

_HEAD = """\
# {name}: write what stands behind a # as you need it, then `sayso intents check FILE` and `sayso intents trust FILE`.
# Every key is explained in docs/packs.md.
{name}:
  summary: {summary}                          # an order, shown in menus and plans
  risk: {risk}
  says: [{words}]                             # further words that belong to it: a change with a word left over is asked about
  parameters:
    path: {{type: path, required: true, description: The file or directory, says: [of, in]}}
  examples:                                   # what people would type, four to eight; vary them in wording and length
    - "{verb} {noun} of {{path}}"
    - "i want the {noun} {verb} for {{path}} please"
    - "{noun} {verb}, path {{path}}"
    - "could you {verb} what {noun} there is under {{path}}"
  near_misses:                                # what sounds alike and is something else
    - {{text: what is a {noun}, intent: null}}
    - {{text: "show me {{path}}", intent: file.show}}
"""

_READ = """\
  read:
    run: [stat, "--printf=%s\\\\0%n\\\\0", --, "{path}"]   # a list of words; no shell sees them
    parse: nul                                # nul, lines, kv, json, jsonl, text, jc:NAME or F:NAME
    columns:
      - {name: size, type: size, description: How many bytes it has}
      - {name: path, type: path, description: The file}
"""

_CHANGE = """\
  interrupt: wait
  state:                                      # how its state is read, before and after
    run: [stat, "--printf=%a\\\\0%n\\\\0", --, "{path}"]
    parse: nul
    columns:
      - {name: mode, description: Its permission bits}
      - {name: path, type: path, description: The file}
  change: {run: [chmod, "640", --, "{path}"]}
  expect: {mode: "640"}                       # what the state must be afterwards, else it has failed
  undo: {intent: file.set_mode, with: {path: "{path}", mode: "{before.mode}"}}   # or {impossible: WHY}
"""

_EDIT = """\
  edit: {path: "{path}", operation: append_line, with: {line: "# edited"}, validator: by_path}
"""

_SHAPES = {"read": (_READ, "read"), "change": (_CHANGE, "disruptive"), "edit": (_EDIT, "reversible")}


def scaffold(name: str, shape: str = "read") -> str:
    """Return the text of a pack with one intent of that name, a `read`, a `change` or an `edit`.

    Raises `RequestError` for a name that is no `noun.verb`, and for another shape.

    >>> scaffold("disk.wear").splitlines()[2]
    'disk.wear:'
    """
    if not NAME.match(name):
        raise RequestError(f"`{name}` is no name of an intent.", remedy="Write `noun.verb` in small letters.")
    if shape not in _SHAPES:
        raise RequestError(f"`{shape}` is no shape of an intent.", remedy=f"There are: {', '.join(_SHAPES)}.")
    body, risk = _SHAPES[shape]
    noun, _, verb = name.partition(".")
    verb = verb.replace("_", " ")
    head = _HEAD.format(
        name=name, noun=noun, verb=verb, risk=risk, words=", ".join([noun, *verb.split()]),
        summary=f"{verb} {noun}".capitalize(),
    )  # fmt: skip
    return head + body
