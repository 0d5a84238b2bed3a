"""Which kernel modules are there, and which a load would bring."""

import pytest

from executors.state import unmet
from intents.catalogue import Catalogue
from intents.parsers import ParseError, parse_output
from intents.values import Column

CATALOGUE = Catalogue.load()
LOADED = b"""bridge 319488 1 br_netfilter, Live 0x0000000000000000
virtio_net 73728 0 - Live 0x0000000000000000
"""
COLUMNS = (Column("action"), Column("name"), Column("options"), Column("path", "path"))


@pytest.mark.parametrize(("module", "refused"), [("bridge", True), ("virtio-net", False)])
def test_a_module_that_something_uses_is_not_unloaded(module: str, refused: bool) -> None:  # noqa: FBT001 - a case
    intent = CATALOGUE["kernel.module_unload"]
    assert intent.operation.state is not None
    (row,) = parse_output("F:proc_module", LOADED, intent.operation.state.columns, {"module": module})
    assert bool(unmet(intent, intent.operation.needs, {"module": module}, before=None, now=row)) is refused


def test_a_module_whose_driver_may_carry_the_connection_is_guarded() -> None:
    assert CATALOGUE["kernel.module_unload"].cuts == ("network",)


def test_a_command_in_place_of_a_module_is_shown_as_one_that_is_run() -> None:
    (row,) = parse_output("F:modprobe", b"install /bin/false \n", COLUMNS)
    assert (row["action"], row["options"]) == ("run", "/bin/false")


@pytest.mark.parametrize("file", ["loop.ko", "loop.ko.xz", "loop.ko.gz", "loop.ko.zst"])
def test_a_module_goes_by_its_name_however_its_file_is_packed(file: str) -> None:
    (row,) = parse_output("F:modprobe", f"insmod /lib/modules/6/{file} max_loop=8\n".encode(), COLUMNS)
    assert (row["name"], row["options"]) == ("loop", "max_loop=8")


def test_a_module_of_the_kernel_itself_is_nothing_to_load() -> None:
    assert parse_output("F:modprobe", b"builtin ext4\n", COLUMNS) == []


def test_an_unknown_line_is_no_answer() -> None:
    with pytest.raises(ParseError):
        parse_output("F:modprobe", b"insmod loop.ko\n", COLUMNS)
