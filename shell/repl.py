"""The conversation: a prompt with history and completion, each line on the same road as everything else."""

import re
from collections.abc import Iterable

from intents.errors import SaysoError
from shell.answering import Answering
from shell.exit_status import ExitStatus

WELCOME = (
    "sayso: say what you want in plain English. Nothing changes before you approve it. `help` helps, Ctrl-D leaves.\n"
)
HELP = """\
Say what you want:            which filesystems are more than half full
See what would happen:        /dry restart nginx
See how it was understood:    /explain who is logged in
Work on other hosts:          disk usage on web1     (or /on web1, /on local)
Take back the last change:    undo     (or: undo 12)
Try again where it failed:    retry    (or: retry 12)
What was done:                history  (or: history show 12)
What can be asked:            intents  (or: intents search disk)
Which hosts there are:        hosts    (or: hosts show web1, hosts test)
Clear the screen:             clear
Leave:                        exit, or Ctrl-D
"""

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
"""To the top, and away with the screen and what was scrolled off it (ECMA-48; xterm's 3J), as clear(1) does it."""

_COMMAND = re.compile(r"/[a-z]+")
"""What looks like a command of the conversation; a path alone asks for nothing."""


def converse(answering: Answering) -> ExitStatus:
    """Read and answer requests until the person leaves; the status is that of a good end."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory

    environment = answering.environment
    environment.stderr.write(WELCOME)
    environment.paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    prompt: PromptSession[str] = PromptSession(
        history=FileHistory(str(environment.paths.state / "prompt-history")),
        auto_suggest=AutoSuggestFromHistory(),
        completer=WordCompleter(list(phrases(answering)), sentence=True, ignore_case=True),
        complete_while_typing=False,
        enable_suspend=True,
    )
    conversation = Conversation(answering)
    while True:
        try:
            line = prompt.prompt(conversation.prompt())
        except KeyboardInterrupt:
            continue
        except EOFError:
            return ExitStatus.DONE
        if not conversation.hear(line.strip()):
            return ExitStatus.DONE


def phrases(answering: Answering) -> Iterable[str]:
    """Return what can be completed: the commands, and the examples without slots."""
    yield from (
        "undo",
        "retry",
        "history",
        "intents",
        "hosts",
        "hosts show ",
        "hosts test ",
        "help",
        "clear",
        "exit",
        "/dry ",
        "/explain ",
        "/on ",
    )
    catalogue = answering.session.catalogue
    for name in catalogue:
        yield from (example for example in catalogue[name].examples if "{" not in example)


class Conversation:
    """What the lines of a conversation do; the prompt itself is prompt_toolkit's."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._on: str | None = answering.options.on

    def prompt(self) -> str:
        """Return the prompt: where requests go, and whether they go as root."""
        environment = self._answering.environment
        root = " (root)" if environment.uid == 0 else ""
        return f"sayso {self._on or 'local'}{root}> "

    def hear(self, line: str) -> bool:
        """Act on one line; return False when the person leaves."""
        words = line.split()
        if not words:
            return True
        if line in {"exit", "quit"}:
            return False
        answering = self._answering
        if line in {"help", "?"}:
            answering.environment.stderr.write(HELP)
        elif line == "clear":
            answering.environment.stdout.write(CLEAR)
            answering.environment.stdout.flush()
        elif words[0] == "/on":
            self._go_to(words[1:])
        elif words[0] in {"history", "intents", "hosts"} and self._is_command(words):
            answering.run_command(words[0], words[1:])
        elif words[0] == "/dry":
            answering.answer(line.removeprefix("/dry").strip(), dry_run=True, on=self._on)
        elif words[0] == "/explain":
            answering.answer(line.removeprefix("/explain").strip(), explain=True, on=self._on)
        elif _COMMAND.fullmatch(words[0]):
            answering.environment.stderr.write(f"There is no `{words[0]}`; there are /on, /dry and /explain.\n")
        else:
            answering.answer(line, on=self._on)
        return True

    def _go_to(self, words: list[str]) -> None:
        """Take the hosts that further requests are for, once they are known to exist."""
        wanted = "".join(words) or "local"
        try:
            self._answering.session.check_hosts(wanted)
        except SaysoError as error:
            self._answering.environment.stderr.write(f"{error}\n")
            return
        self._on = None if wanted == "local" else wanted

    @staticmethod
    def _is_command(words: list[str]) -> bool:
        return (
            len(words) == 1 or words[1] in {"show", "search", "verify", "list", "test", "facts"} or words[1].isdigit()
        )
