"""The one place where an argument vector becomes text: SSH carries a command as one string.

The account's login shell reads that string (RFC 4254, section 6.5: `exec` has one `command`
field, and servers hand it to `$SHELL -c`). Nothing else in sayso writes text for a shell.
"""

import shlex
from collections.abc import Sequence


def quote_for_posix_shell(argv: Sequence[str]) -> str:
    r"""Return the text that every POSIX shell splits into exactly the words of `argv`.

    Words go into single quotes, within which POSIX (2018, 2.2.2) gives no character a meaning; a
    single quote itself is closed, written and opened again.

    >>> quote_for_posix_shell(["printf", "%s", "it's $HOME", ""])
    'printf %s \'it\'"\'"\'s $HOME\' \'\''

    Raises `ValueError` for an empty vector, and for NUL, which no argument can hold (execve(2)).
    """
    if not argv:
        raise ValueError("an empty vector has no program")
    if any("\0" in word for word in argv):
        raise ValueError("an argument can't hold NUL")
    return shlex.join(argv)
