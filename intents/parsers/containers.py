"""What podman and docker write as JSON: the one an array, the other an object in each line, under other names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from intents.parsers.conversion import decode, rows_of, unexpected
from intents.parsers.generic import json_lines, load_json, records_of
from intents.values import Column, Json, Row

_Object = Mapping[str, Json]
_SIZE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[kKMGTP]i?)?B")
_POWERS: Mapping[str, int] = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_DOCKER_TIME = re.compile(r"([0-9-]+ [0-9:]+)(?:\.[0-9]+)? ([+-][0-9]{4})")
_NEVER = "0001-01-01T00:00:00Z"
"""Go's time without a value."""


def _objects(output: bytes, parser: str) -> list[_Object]:
    if output.lstrip().startswith(b"["):
        return records_of(load_json(output), parser)
    return json_lines(output)


def _object(value: Json) -> _Object:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _bytes(text: Json, parser: str) -> int | None:
    """Return a size such as `1.2MB` (powers of 1000) or `7.7GiB` (of 1024) in bytes; a number is already in bytes.

    >>> _bytes("1.5kB", "x"), _bytes("2MiB / 7GiB", "x"), _bytes(12, "x")
    (1500, 2097152, 12)
    """
    if isinstance(text, int):
        return text
    if text is None or text in {"", "N/A", "--"}:
        return None
    match = _SIZE.match(str(text))
    if match is None:
        raise unexpected(parser, "a size", str(text))
    unit = match["unit"] or ""
    base = 1024.0 if unit.endswith("i") else 1000.0
    return round(float(match["number"]) * base ** _POWERS[unit[:1]])


def _docker_time(text: Json) -> Json:
    """Return a moment such as `2026-11-25 06:53:20 +0000 UTC` as seconds since 1970."""
    match = _DOCKER_TIME.match(str(text))
    try:
        return int(datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S %z").timestamp()) if match else None
    except ValueError:
        raise unexpected("F:containers", "a moment such as 2026-11-25 06:53:20 +0000 UTC", str(text)) from None


def parse_containers(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `podman ps --format json` or `docker ps` in JSON lines."""
    return rows_of([_container(said) for said in _objects(output, "F:containers")], columns)


def parse_containers_going(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same of what a clean-up would take, with `action` delete."""
    going = [_container(said) | {"action": "delete"} for said in _objects(output, "F:containers_going")]
    return rows_of(going, columns)


def _container(said: _Object) -> dict[str, Json]:
    is_podman = "Id" in said
    return {
        "name": next(iter(_list(said.get("Names"))), None) if is_podman else said.get("Names"),
        "image": said.get("Image"),
        "state": said.get("State"),
        "status": said.get("Status"),
        "ports": _podman_ports(_list(said.get("Ports"))) if is_podman else said.get("Ports") or None,
        "created": said.get("Created") if is_podman else _docker_time(said.get("CreatedAt")),
        "id": str(said.get("Id") or said.get("ID"))[:12],
    }


def _podman_ports(ports: Iterable[Json]) -> str | None:
    return ", ".join(_podman_port(_object(port)) for port in ports) or None


def _podman_port(port: _Object) -> str:
    address = f"{port['host_ip']}:" if port.get("host_ip") else ""
    return f"{address}{port.get('host_port')}->{port.get('container_port')}/{port.get('protocol')}"


def parse_container_state(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `podman inspect` or `docker inspect` of containers; variables of the environment are left out."""
    return rows_of([_state(said) for said in _objects(output, "F:container_state")], columns)


def _state(said: _Object) -> dict[str, Json]:
    state, settings = _object(said.get("State")), _object(said.get("NetworkSettings"))
    started = state.get("StartedAt")
    policy = _object(_object(said.get("HostConfig")).get("RestartPolicy"))
    return {
        "name": str(said.get("Name")).removeprefix("/"),
        "state": state.get("Status"),
        "health": _object(state.get("Health")).get("Status") or None,
        "image": said.get("ImageName") or _object(said.get("Config")).get("Image"),
        "started": None if started == _NEVER else started,
        "exit_code": state.get("ExitCode"),
        "restarts": policy.get("Name") or "no",
        "ports": _ports(_object(settings.get("Ports"))),
        "mounts": [_mount(_object(mount)) for mount in _list(said.get("Mounts"))],
        "address": _address(settings),
        "pid": state.get("Pid") or None,
        "id": str(said.get("Id"))[:12],
    }


def _ports(ports: _Object) -> list[Json]:
    found: list[Json] = []
    for inner, outer in ports.items():
        bound = [_object(one) for one in _list(outer)]
        found += [f"{one.get('HostIp') or '*'}:{one.get('HostPort')}->{inner}" for one in bound] or [inner]
    return found


def _mount(mount: _Object) -> str:
    source = mount.get("Name") or mount.get("Source")
    return f"{source} at {mount.get('Destination')}" + ("" if mount.get("RW", True) else " (read only)")


def _address(settings: _Object) -> Json:
    networks = [_object(network) for network in _object(settings.get("Networks")).values()]
    return next((found for one in (settings, *networks) if (found := one.get("IPAddress"))), None)


def parse_container_stats(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `podman stats --format json` or `docker stats` in JSON lines; sizes are shortened there, so they are rounded."""
    records: list[dict[str, Json]] = []
    for said in _objects(output, "F:container_stats"):
        used, _, limit = str(said.get("mem_usage", said.get("MemUsage"))).partition(" / ")
        received, _, sent = str(said.get("net_io", said.get("NetIO"))).partition(" / ")
        sizes = [_bytes(text, "F:container_stats") for text in (used, limit, received, sent)]
        records.append({
            "name": said.get("name", said.get("Name")), "cpu": _told(said.get("cpu_percent", said.get("CPUPerc"))),
            "memory": sizes[0], "memory_limit": sizes[1], "received": sizes[2], "sent": sizes[3],
            "processes": _told(said.get("pids", said.get("PIDs"))),
        })  # fmt: skip
    return rows_of(records, columns)


def _told(text: Json) -> Json:
    """Docker writes `--` for what a stopped container doesn't have."""
    return None if text == "--" else text


def parse_container_images(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `podman images --format json` or `docker images` in JSON lines; one row for each name of an image."""
    return rows_of(_images(output), columns)


def parse_container_images_going(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read the same of what a clean-up would take, with `action` delete."""
    return rows_of([image | {"action": "delete"} for image in _images(output)], columns)


def _images(output: bytes) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    for said in _objects(output, "F:container_images"):
        if "Id" in said:
            image = {"size": said.get("Size"), "created": said.get("Created"), "id": str(said["Id"])[:12]}
            found += [{**image, "name": name} for name in _list(said.get("Names")) or [None]]
            continue
        name = None if said.get("Tag") == "<none>" else f"{said.get('Repository')}:{said.get('Tag')}"
        found.append({
            "name": name, "size": _bytes(said.get("Size"), "F:container_images"), "created": _docker_time(said.get("CreatedAt")),
            "id": str(said.get("ID")).removeprefix("sha256:")[:12],
        })  # fmt: skip
    return found


def parse_container_image(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `podman image inspect` or `docker image inspect`; an image that isn't there is no row."""
    records: list[dict[str, Json]] = [
        {
            "present": True,
            "id": str(said.get("Id")).removeprefix("sha256:")[:12],
            "names": list(_list(said.get("RepoTags"))),
            "size": said.get("Size"),
            "created": said.get("Created"),
        }
        for said in _objects(output, "F:container_image")
    ]
    return rows_of(records, columns)


def parse_container_disk(output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Read `podman system df` or `docker system df`, each in JSON lines."""
    records: list[dict[str, Json]] = []
    for said in json_lines(output):
        if "Type" not in said:
            raise unexpected("F:container_disk", "a kind and its sizes", decode(output))
        records.append({
            "type": said["Type"], "total": said.get("Total", said.get("TotalCount")), "active": said.get("Active"),
            "size": _bytes(said.get("Size"), "F:container_disk"), "reclaimable": _bytes(said.get("Reclaimable"), "F:container_disk"),
        })  # fmt: skip
    return rows_of(records, columns)
