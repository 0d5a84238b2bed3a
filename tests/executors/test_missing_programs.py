"""A program that isn't there: said with the package that brings it, and with the request that plans its install."""

import pytest

from executors.missing_programs import MissingProgramError, package_of


@pytest.mark.parametrize(
    ("host", "packages", "said"),
    [
        ("local", "apt", "This needs `smartctl`, which isn't installed. Ask for `install smartmontools`"),
        ("web1", "dnf", "isn't installed on web1. Ask for `install smartmontools on web1`"),
        ("local", "none", "Install the package that provides `smartctl`"),
    ],
)
def test_it_says_what_to_ask_for(host: str, packages: str, said: str) -> None:
    assert said in str(MissingProgramError("smartctl", host=host).on(packages))


def test_packages_have_the_name_that_the_distribution_gives_them() -> None:
    assert [package_of("dig", one) for one in ("apt", "dnf", "apk")] == ["bind9-dnsutils", "bind-utils", "bind-tools"]
    assert package_of("coredumpctl", "apk") is None, "Alpine has no systemd"
