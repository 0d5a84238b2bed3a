"""Tokens (`%h`) and variables (`${HOME}`) in values of the SSH configuration: ssh_config(5), TOKENS."""

import getpass
import os
import pwd
import re
from collections.abc import Mapping

from intents.errors import TargetError


def replace_tokens(text: str, known: Mapping[str, str], name: str) -> str:
    """Return `text` with `%x` replaced by `known`, and `%%` by `%`; `name` is the host's, for the error.

    >>> replace_tokens("%h.example 100%%", {"h": "web1"}, "web1")
    'web1.example 100%'

    Raises `TargetError` for a token that isn't known.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        if found[1] not in known:
            raise TargetError(
                f"The SSH configuration of {name} has the token %{found[1]} in {ascii(text)[:80]}, which isn't known here.",
                remedy="Write the value itself, or let ssh itself connect: `sayso_transport=openssh` in the inventory.",
                host=name,
            )
        return known[found[1]]

    return re.sub(r"%(.?)", value, text)


def replace_variables(text: str, name: str) -> str:
    """Return `text` with `${NAME}` replaced by the environment's. Raises `TargetError` for one that isn't set."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise TargetError(
                f"The SSH configuration of {name} has the variable {found[1]}, which isn't set.",
                remedy="Set it, or write the value itself.",
                host=name,
            )
        return os.environ[found[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)


def local_user() -> str:
    """Return the name of the account that runs this, as ssh finds it: by its number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return getpass.getuser()
