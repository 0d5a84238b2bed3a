"""Which paths no change may take away, by where they lead and by what they are (device and inode)."""

import posixpath
import re
from collections.abc import Mapping, Sequence

from executors.file_state import shown_path
from executors.host_paths import Entry, HostPaths, MountPoint, is_within
from executors.path_uses import CHANGING, PathUse, Use, uses_of
from executors.state import Target
from intents.intent import Intent
from intents.values import Json

WHOLE: tuple[str, ...] = tuple(
    "/ /bin /dev /etc /home /lib /lib32 /lib64 /libx32 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /var"
    " /usr/bin /usr/lib /usr/lib64 /usr/sbin /var/lib".split()
)
"""Folders that are protected themselves, not each file in them (file-hierarchy(7))."""

TREES: tuple[str, ...] = ("/boot", "/efi")
"""Folders that are protected with all below."""

_SWEEPING: frozenset[Use] = frozenset(("sweep", "unmount"))
_PARTITION = re.compile(r"p?[0-9]+")


def refused_path(
    intent: Intent,
    values: Mapping[str, Json],
    target: Target,
    own: Sequence[str],
    *,
    program: Sequence[str] = (),
    host: HostPaths,
) -> str | None:
    """Return why the step may not touch one of its paths, or None. `own` are folders protected with all below.

    `program` are such too, and no folder above them may be given away or moved either: whoever owns or may
    write that one can put another program there.

    Whoever goes on to ask about the same paths gives the same `host` for it: each is looked at once.
    """
    uses = [use for use in uses_of(intent, values, facts=target.facts) if use.use in CHANGING]
    if not uses:
        return None
    trees = [*TREES, *own, *program]
    parents = {use.path: posixpath.dirname(posixpath.normpath(use.path)) for use in uses}
    real = host.resolve_all([*parents, *parents.values(), *trees])
    entries = host.entries([path for path in [*parents, *real.values(), *WHOLE, *trees] if "\n" not in path])
    held = [*program, *(real[tree] for tree in program)]
    for use in uses:
        # The entry itself (of a link: the link) and where it leads: removing does the one, writing the other.
        entry = posixpath.join(real[parents[use.path]], posixpath.basename(posixpath.normpath(use.path)))
        for form in dict.fromkeys((posixpath.normpath(use.path), entry, real[use.path])):
            why = _refused(PathUse(form, use.use), [*trees, *(real[tree] for tree in trees)], host.mounts(), entries)
            if why is None and use.use == "change":
                why = next((f"contains {tree}, which is protected" for tree in held if is_within(tree, form)), None)
            if why is not None:
                return f"{shown_path(use.path)} {why}"
    return None


def _refused(
    use: PathUse, trees: Sequence[str], mounts: Sequence[MountPoint], entries: Mapping[str, Entry]
) -> str | None:
    path, entry = use.path, entries.get(use.path)
    sweeps = use.use in _SWEEPING
    for tree in trees:
        if is_within(path, tree) or _is_same(entry, entries.get(tree)):
            return f"belongs to {tree}, which is protected"
        if sweeps and is_within(tree, path):
            return f"contains {tree}, which is protected"
    return None if use.use == "create" else _refused_whole(use, entries, mounts)


def _refused_whole(use: PathUse, entries: Mapping[str, Entry], mounts: Sequence[MountPoint]) -> str | None:
    path, entry, sweeps = use.path, entries.get(use.path), use.use in _SWEEPING
    for whole in WHOLE:
        if path == whole or _is_same(entry, entries.get(whole)):
            return f"is {whole}, which is protected as a whole"
    if use.use == "unmount":
        return None
    if sweeps and posixpath.dirname(path) == "/" and entry is not None and entry.is_directory:
        return "is a top-level folder, which is protected as a whole"
    return _refused_mount(path, entry, mounts, sweeps=sweeps)


def _refused_mount(path: str, entry: Entry | None, mounts: Sequence[MountPoint], *, sweeps: bool) -> str | None:
    for mount in mounts:
        if path == mount.point and (entry is None or entry.is_directory):
            return "is where a file system is mounted, which is protected"
        if sweeps and is_within(mount.point, path):
            return f"contains {mount.point}, where a file system is mounted"
        device = mount.source.startswith("/dev/") and mount.source.removeprefix(path)
        if path == mount.source or (path.startswith("/dev/") and device and _PARTITION.fullmatch(device)):
            return f"holds the file system mounted on {mount.point}"
    return None


def _is_same(one: Entry | None, other: Entry | None) -> bool:
    return one is not None and other is not None and one.identity == other.identity
