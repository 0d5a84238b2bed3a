"""What a program's last words mean where they tell nothing to who doesn't know it: a server that doesn't run, mostly."""

import re

_KNOWN: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    # docker(1), podman-remote(1)
    (
        re.compile(rb"Cannot connect to the Docker daemon|error during connect:.*docker"),
        "The docker daemon doesn't run on {host}, or doesn't answer.",
        "Ask for `start docker`, and for `logs of docker` where that fails.",
    ),
    (
        re.compile(rb"permission denied while trying to connect to the Docker daemon"),
        "This account may not talk to the docker daemon on {host}.",
        "Ask as root, or have the account added to the group docker.",
    ),
    # sd_booted(3): systemctl and its kin without systemd as process 1
    (
        re.compile(rb"System has not been booted with systemd|Failed to connect to bus: (?:Host is down|No such file)"),
        "systemd doesn't run on {host}, so it has no answer.",
        "Ask for something that doesn't need it there.",
    ),
    # libpq, 15
    (
        re.compile(rb"connection to server .* failed: (?:No such file or directory|Connection refused)"),
        "No PostgreSQL server answers on {host}.",
        "Ask for `start postgresql`, and for `logs of postgresql` where that fails.",
    ),
    # mysql(1), MariaDB 10.11 and MySQL 8
    (
        re.compile(rb"Can't connect to (?:local )?(?:MySQL )?server"),
        "No MySQL or MariaDB server answers on {host}.",
        "Ask for `start mariadb` or `start mysql`, and for its logs where that fails.",
    ),
    # redis-cli(1), 7
    (
        re.compile(rb"Could not connect to Redis"),
        "No Redis server answers on {host}.",
        "Ask for `start redis-server`, and for its logs where that fails.",
    ),
)
"""What a program says, what that means, and what to do about it. The first that is found counts."""


def known_failure(said: bytes, host: str) -> tuple[str, str] | None:
    """Return the sentence and the remedy for what a failed program said, None where it is best told as it is.

    >>> known_failure(b"Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "web1")[0]
    "The docker daemon doesn't run on web1, or doesn't answer."
    """
    where = "this machine" if host == "local" else host
    found = next(((message, remedy) for pattern, message, remedy in _KNOWN if pattern.search(said)), None)
    return None if found is None else (found[0].format(host=where), found[1])
