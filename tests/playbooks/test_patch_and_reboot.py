"""Updates on a host: a package with a newer version in its repository, and a real restart."""

import pytest

from executors.plan import Effect
from shell.session import Session
from tests.support.host_tree import REPOSITORY
from tests.support.hosts import Host, requires_hosts
from tests.support.playbook_runs import apply, assert_already_so, dry_run

pytestmark = [pytest.mark.sshd, requires_hosts]

NEWER = f"""
set -eu
cd /{REPOSITORY}
apt-get -q -y install hello
dpkg-deb -R hello_*.deb /root/hello
sed -i 's/^Version: .*/&+newer/' /root/hello/DEBIAN/control
printf '#!/bin/sh\\ntouch /run/reboot-required\\n' > /root/hello/DEBIAN/postinst
chmod 755 /root/hello/DEBIAN/postinst
dpkg-deb -b /root/hello hello-newer.deb
printf '\\n' >> Packages
dpkg-deb -f hello-newer.deb >> Packages
printf 'Filename: ./hello-newer.deb\\nSize: %s\\nSHA256: %s\\n' "$(stat -c %s hello-newer.deb)" "$(sha256sum hello-newer.deb | cut -d' ' -f1)" >> Packages
apt-get -q update
"""
"""Installs hello, and offers a newer one that asks for a restart."""


def test_updates_are_installed_the_host_restarts_where_one_asks_for_it_and_then_there_are_none(
    host: Host, session: Session
) -> None:
    host.run_inside("sh", "-c", NEWER)
    before, boot = host.snapshot(), _boot_id(host)
    planned = dry_run(session, "package.patch", ["services=ssh.service"])
    assert planned.effect is Effect.CANNOT_KNOW
    assert "Restart the host if an update will ask for it" in planned.reason
    assert "hello" in planned.diff
    assert before.difference(host.snapshot()) == []

    done = apply(session, "package.patch", ["services=ssh.service"])
    assert "changed: Restart the host" in done.outcomes["ops"][0].stdout.splitlines()
    assert host.run_inside("dpkg-query", "-W", "-f=${Version}", "hello").stdout.endswith("+newer")
    assert _boot_id(host) != boot
    assert_already_so(session, "package.patch", ["services=ssh.service"])


def _boot_id(host: Host) -> str:
    return host.run_inside("cat", "/proc/sys/kernel/random/boot_id").stdout
