"""New host keys on a host: who knows it here knows them at once, and nobody is locked out."""

from pathlib import Path

import pytest

from executors.ssh import SshTransport
from shell.session import Session
from tests.support.hosts import Host, requires_hosts
from tests.support.playbook_runs import apply, assert_already_so, dry_run

pytestmark = [pytest.mark.sshd, requires_hosts]


def test_new_keys_are_made_and_known_and_the_old_ones_are_kept(host: Host, session: Session) -> None:
    known = Path(host.address.known_hosts_files[0])
    # A moment a little ago: the keys of the tree's hosts are made older than it.
    for kind in ("ed25519", "rsa"):
        if not host.path(f"etc/ssh/ssh_host_{kind}_key").exists():
            host.run_inside("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", f"/etc/ssh/ssh_host_{kind}_key")
        host.run_inside("touch", "-d", "2020-01-01", f"/etc/ssh/ssh_host_{kind}_key")
    old = host.path("etc/ssh/ssh_host_ed25519_key").read_bytes()
    before, known_before = host.snapshot(), known.read_text()
    pairs = ["since=2021-01-01T00:00:00Z"]
    planned = dry_run(session, "ssh.rotate_host_keys", pairs)
    assert "Put the new keys in place" in planned.reason
    assert (before.difference(host.snapshot()), known.read_text()) == ([], known_before)

    apply(session, "ssh.rotate_host_keys", pairs)
    new = host.path("etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[1]
    assert host.path("etc/ssh/ssh_host_ed25519_key").read_bytes() != old
    assert host.path("etc/ssh/sayso-old-host-keys/ssh_host_ed25519_key").read_bytes() == old
    assert new in known.read_text()
    assert [
        path.name for path in host.path("etc/ssh/sayso-old-host-keys").iterdir() if path.name.startswith("new_")
    ] == []
    anew = SshTransport(host.address_of("ops"))
    assert anew.run(["true"]).exit_code == 0
    anew.close()
    assert_already_so(session, "ssh.rotate_host_keys", pairs)
