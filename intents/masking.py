"""Replaces the values in a request by plain stand-ins before the model reads it.

The encoder was never trained on paths and addresses: a long path drowns the words around it. The
same stand-ins fill the slots of the example sentences, so that only the wording is compared.
"""

import re
from collections.abc import Mapping

PATH, QUOTED, ADDRESS, URL = "/var/log", "some text", "10.0.0.1", "https://example.org"

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\"[^\"]{1,500}\"|(?<!\w)'[^']{1,500}'(?!\w)|`[^`]{1,500}`"), QUOTED),
    (re.compile(r"\bhttps?://\S+", re.IGNORECASE), URL),
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![\w.])"), ADDRESS),
    (re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[^\s,;:?!\"']+"), PATH),
    (
        re.compile(
            r"(?<![\w/])[\w-]+\.(?:conf|cfg|log|txt|ya?ml|json|sh|py|gz|tgz|tar|zip|csv|ini|toml|service|sql|iso)\b"
        ),
        PATH,
    ),
)

SLOT_FILLERS: Mapping[str, tuple[str, ...]] = {
    "path": (PATH,), "source": (PATH,), "target": (PATH,), "directory": (PATH,), "mount": (PATH,),
    "device": ("sdb1", "/dev/sdc"),
    "service": ("nginx", "postgresql", "ssh", "cron", "docker"), "user": ("alice", "bob", "carol", "deploy"),
    "name": ("web1", "deploy", "priya"), "group": ("docker",),
    "text": (QUOTED, "error"), "line": (QUOTED,), "match": (QUOTED,), "old": (QUOTED, "8080"), "new": (QUOTED, "9090"),
    "key": ("max_connections", "PermitRootLogin"), "value": ("200", "no"), "port": ("8080", "443", "22"),
    "limit": ("10", "5"), "lines": ("20", "100"), "mode": ("0644", "750"), "size": ("500 MB", "2 GB"),
    "larger": ("1 GB", "100 MB"), "smaller": ("10 KB",), "since": ("yesterday", "last week"), "before": ("30 days ago",),
    "owner": ("alice", "www-data"), "interface": ("eth0",), "address": (ADDRESS,), "algorithm": ("sha256", "md5"),
    "depth": ("2",), "shell": ("/bin/bash",), "kind": ("directories", "files"), "pattern": ("*.log",),
}  # fmt: skip
"""What stands for an intent's slots, by parameter name, when its examples are read by the model."""


TYPE_FILLERS: Mapping[str, str] = {
    "path": PATH, "size": "2 GB", "duration": "5 minutes", "moment": "yesterday", "count": "10", "percentage": "80%",
    "pid": "812", "port": "8080", "user": "alice", "group": "docker", "package": "nginx", "interface": "eth0",
    "address": ADDRESS, "url": URL, "mode": "0644", "mount": "/mnt/data", "device": "sdb1", "host": "web1", "text": QUOTED,
    "regex": "error", "glob": "*.log", "name:unit": "nginx", "name:timezone": "Europe/Berlin",
    "name:container": "web", "name:hostname": "web1", "name:database": "shop", "name:module": "br_netfilter",
    "name:sysctl": "vm.swappiness",
}  # fmt: skip
"""What stands for a slot whose name is not among SLOT_FILLERS, by its type."""


def masked(text: str) -> str:
    """Return `text` with stand-ins for quoted text, addresses and paths.

    >>> masked('add the line "a = 1" to /etc/app/app.conf')
    'add the line some text to /var/log'
    """
    for pattern, stand_in in _MASKS:
        text = pattern.sub(stand_in, text)
    return text
