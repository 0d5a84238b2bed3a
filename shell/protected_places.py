"""What no change may take away in a session: what the policy's files protect, and sayso's own files."""

from executors.protected import Protected
from executors.protected_file import load_protected
from shell.places import Places


def protected_of(places: Places) -> Protected:
    """Return the protected things. Raises `PolicyError`."""
    own_files = (
        places.history,
        places.state_folder,
        places.own_policy,
        places.own_grants,
        places.system_policy,
        places.system_grants,
        places.cache,
        places.model,
        *places.user_packs,
    )
    floor = load_protected(places.system_policy, must_be_root=True)
    own = load_protected(places.own_policy, must_be_root=True if places.uid == 0 else None)
    return Protected(
        paths=floor.paths + own.paths,
        local_paths=tuple(str(path) for path in own_files if path is not None),
        units=floor.units + own.units,
        accounts=floor.accounts + own.accounts,
    )
