"""Settings: where a value comes from, and what is said to a value that doesn't fit."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from shell.environment import Environment, Paths
from shell.settings import SETTINGS, SettingsError, load_settings


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    paths = Paths(tmp_path / "config", tmp_path / "state", tmp_path / "cache", tmp_path / "run")
    paths.config.mkdir()
    return replace(
        Environment.of_process(),
        variables={},
        paths=paths,
        home=str(tmp_path / "home"),
        directory=str(tmp_path / "here"),
    )


def write(environment: Environment, text: str) -> Path:
    environment.paths.settings_file.write_text(text, encoding="utf-8")
    environment.paths.settings_file.chmod(0o600)
    return environment.paths.settings_file


def test_defaults_need_no_file(environment: Environment) -> None:
    settings = load_settings(environment)
    assert (settings.model, settings.inventory, settings.timeout_s, settings.color) == (None, (), None, "auto")
    assert settings.history == environment.paths.history_file
    assert settings.ssh_connect_timeout_s == 10
    assert set(settings.sources.values()) == {"default"}


def test_argument_comes_before_environment_before_file(environment: Environment) -> None:
    write(environment, 'timeout_s = 1\nssh_connect_timeout_s = 2\ncolor = "never"\n')
    variables = {"SAYSO_TIMEOUT": "3", "SAYSO_SSH_CONNECT_TIMEOUT": "4 min", "SAYSO_HISTORY": ""}
    settings = load_settings(replace(environment, variables=variables), {"timeout_s": "5"})
    assert (settings.timeout_s, settings.ssh_connect_timeout_s, settings.color) == (5, 240, "never")
    assert {name: settings.sources[name] for name in ("timeout_s", "ssh_connect_timeout_s", "color", "history")} == {
        "timeout_s": "argument", "ssh_connect_timeout_s": "environment", "color": "file", "history": "default",
    }  # fmt: skip
    shown = {name: (value, source) for name, value, source in settings.described()}
    assert list(shown) == [setting.name for setting in SETTINGS]
    assert shown["ssh_connect_timeout_s"] == ("240", "environment SAYSO_SSH_CONNECT_TIMEOUT")
    assert shown["model"] == ("not set", "default")


def test_paths_are_relative_to_where_they_were_written(environment: Environment, tmp_path: Path) -> None:
    write(environment, 'model = "models/own"\nhistory = "~/h.db"\ninventory = ["a.ini", "/etc/hosts.ini"]\n')
    settings = load_settings(environment)
    assert settings.model == tmp_path / "config" / "models" / "own"
    assert settings.history == tmp_path / "home" / "h.db"
    assert settings.inventory == (tmp_path / "config" / "a.ini", Path("/etc/hosts.ini"))
    said = load_settings(replace(environment, variables={"SAYSO_INVENTORY": "x.ini:/y.ini"}), {"model": "../m"})
    assert said.model == tmp_path / "m"
    assert said.inventory == (tmp_path / "here" / "x.ini", Path("/y.ini"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modell = 1\n", "no setting `modell`"),
        ('timeout_s = "soon"\n', "`timeout_s` in"),
        ("timeout_s = -5\n", "`timeout_s` in"),
        ("timeout_s = 0\n", "more than 0"),
        ("timeout_s = true\n", "must be a duration"),
        ("timeout_s = nan\n", "`timeout_s` in"),
        ("timeout_s = 2024-01-01\n", "must be a duration"),
        ('color = "pink"\n', "one of auto, always, never"),
        ("model = 3\n", "must be a path"),
        ("inventory = [1]\n", "must be a path"),
        ("[ssh]\nx = 1\n", "no setting `ssh`"),
        ("model = \n", "no TOML"),
    ],
)
def test_what_does_not_fit_is_one_clear_sentence(environment: Environment, text: str, said: str) -> None:
    path = write(environment, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.code == "settings"
    assert "\n" not in str(caught.value)


def test_a_variable_that_does_not_fit_is_named(environment: Environment) -> None:
    with pytest.raises(SettingsError, match="SAYSO_TIMEOUT can't be used"):
        load_settings(replace(environment, variables={"SAYSO_TIMEOUT": "lots"}))


def test_a_named_file_must_exist(environment: Environment, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="doesn't exist"):
        load_settings(environment, file=tmp_path / "other.toml")


def test_a_file_that_is_a_folder_or_no_text_is_refused(environment: Environment) -> None:
    environment.paths.settings_file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="no TOML"):
        load_settings(environment)
    environment.paths.settings_file.unlink()
    environment.paths.settings_file.mkdir()
    with pytest.raises(SettingsError, match="can't be read"):
        load_settings(environment)


def test_root_refuses_a_file_that_others_may_write(environment: Environment) -> None:
    path = write(environment, "timeout_s = 1\n")
    path.chmod(0o666)
    with pytest.raises(SettingsError, match="others than root"):
        load_settings(replace(environment, uid=0))
    if os.geteuid() == 0:
        path.chmod(0o600)
        os.chown(path, 65534, 65534)
        with pytest.raises(SettingsError, match="others than root"):
            load_settings(environment)
