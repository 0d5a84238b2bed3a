"""The arguments of ssh that an inventory gives (`ansible_ssh_common_args` and its like), as far as sayso can follow them.

Understood is what says how a host is reached: jump hosts, port, account, key. What concerns only the way in
which ssh works (multiplexing, keepalives, how strictly keys are checked: always) changes nothing here.
Anything else is refused, because the host would be reached differently from what the inventory says.
"""

import re
import shlex
from collections.abc import Iterator

from executors.ssh_errors import shown

ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
"""In the order in which Ansible puts them on ssh's command line, where the first of two options counts."""

_WITHOUT_EFFECT = frozenset(
    """controlmaster controlpath controlpersist serveraliveinterval serveralivecountmax tcpkeepalive loglevel compression
    stricthostkeychecking checkhostip addressfamily forwardagent forwardx11 passwordauthentication kbdinteractiveauthentication
    pubkeyauthentication preferredauthentications batchmode connecttimeout connectionattempts""".split()
)
"""Options without effect here: keys are always checked, logins are by key alone, agents are never forwarded."""
_FLAGS_WITHOUT_EFFECT = frozenset("-C -q -v -vv -vvv -T -x -a -4 -6".split())
_FLAG_OPTIONS = {"-J": "proxyjump", "-p": "port", "-l": "user", "-i": "identityfile"}
_THROUGH = re.compile(r"(?:/usr/bin/)?ssh\s+(?:-q\s+)?-W\s+\[?%h\]?:%p\s+(?:-q\s+)?([\w.@:-]+)")
"""`ProxyCommand="ssh -W %h:%p bastion"` is what was written before there was ProxyJump."""


def parse_arguments(text: str) -> dict[str, object]:
    """Return what arguments of ssh say of a host: `jumps`, `port`, `user`, `identity_files`, as far as they do.

    >>> parse_arguments("-o ControlMaster=auto -J ops@bastion:2222 -o User=deploy")
    {'jumps': ('ops@bastion:2222',), 'user': 'deploy'}

    Raises `ValueError` with what can't be followed.
    """
    found: dict[str, object] = {}
    for option, value in _options(shlex.split(text)):
        if option == "proxyjump":
            found.setdefault("jumps", () if value.lower() == "none" else tuple(value.split(",")))
        elif option == "proxycommand":
            through = _THROUGH.fullmatch(value.strip())
            if through is None:
                raise ValueError(f"the proxy command {shown(value)!r}")
            found.setdefault("jumps", (through[1],))
        elif option in {"port", "user"}:
            found.setdefault(option, value)
        elif option == "identityfile":
            found.setdefault("identity_files", value)
        elif option not in _WITHOUT_EFFECT:
            raise ValueError(f"the option {shown(option)}")
    return found


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield option (in lower case) and value: `-o Name=value`, `-oName value`, `-J host`, `-p22`."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word in _FLAGS_WITHOUT_EFFECT:
            continue
        flag, value = word[:2], word[2:]
        if flag not in {"-o", *_FLAG_OPTIONS}:
            raise ValueError(f"the argument {shown(word)}")
        if not value:
            if not waiting:
                raise ValueError(f"{shown(flag)} without a value")
            value = waiting.pop(0)
        if flag != "-o":
            yield _FLAG_OPTIONS[flag], value
            continue
        name, _, said = re.sub(r"\s*=\s*|\s+", "=", value.strip(), count=1).partition("=")
        yield name.lower(), said
