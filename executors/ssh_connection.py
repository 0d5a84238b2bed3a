"""One authenticated connection to a host: socket, algorithms, host key, login, channels.

Faults leave as `TargetError` and `UnreachableError`; no password is ever sent to log in, no agent forwarded.
"""

import logging
import signal
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from executors.ssh_address import HostAddress
from executors.ssh_channel import ChannelFault, NoMoreSessionsFault
from executors.ssh_errors import shown, target_error
from executors.ssh_keys import Passphrases, identities
from executors.ssh_known_hosts import KnownHosts
from executors.ssh_paramiko import ParamikoChannel
from executors.ssh_processes import Process, end_process, start_proxy
from intents.errors import HostKeyError, SaysoError, UnknownKey, UnreachableError

if TYPE_CHECKING:
    from paramiko import Channel, Message, PKey, Transport

SILENCE_LIMIT_MS = 8_000
"""After so long without acknowledgement the kernel ends the connection (TCP_USER_TIMEOUT).

paramiko's own keepalive doesn't find a peer that died silently: reads hang and `is_active` stays true.
"""
KEEPALIVE_S = 4

# Preferred first; the rest of what paramiko 5.1 offers (SHA-1, MD5, CBC, 3DES, group14) is off.
# curve25519 costs 16 ms of our CPU a login, group16 102 ms, so the latter is last.
KEY_EXCHANGES = (
    "curve25519-sha256@libssh.org",
    "mlkem768x25519-sha256",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group-exchange-sha256",
)
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")

# paramiko logs what servers say; without a handler Python would print it on the terminal.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Sharing(Protocol):
    """What a connection takes from the session: the way through a jump host, and keys that are unlocked."""

    passphrases: Passphrases

    def tunnel(self, jump: HostAddress, hostname: str, port: int) -> "Channel":
        """Return a way from a jump host to a host that it reaches."""
        ...


class SshConnection:
    """A login on a host. Opening one connects; channels of it may be used by several threads."""

    def __init__(self, address: HostAddress, sharing: Sharing) -> None:
        """Connect, check the host's key, log in.

        Raises `TargetError` for an untrusted, changed or revoked host key and for a key file of
        ours that can't be used, `UnreachableError` when there is no answer or the login is refused; of a jump
        host on the way as well.
        """
        self._address = address
        self._sharing = sharing
        self._signals: dict[int, str] = {}
        self._proxy: Process | None = None
        connected = self._connect()
        try:
            self._transport = self._negotiate(connected)
        except BaseException:
            connected.close()
            self._end_proxy()
            raise
        try:
            self._log_in()
        except BaseException:
            self.close()
            raise
        self._transport.set_keepalive(KEEPALIVE_S)

    @property
    def is_active(self) -> bool:
        """Whether the connection isn't known to be gone."""
        return self._transport.is_active()

    def open_channel(self) -> ParamikoChannel:
        """Open a channel for one command. Raises `ChannelFault`: nothing has run then."""
        import paramiko

        try:
            channel = self._transport.open_session(timeout=self._address.connect_timeout_s)
        except paramiko.ChannelException as error:
            raise NoMoreSessionsFault from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ChannelFault from error
        return ParamikoChannel(channel, lambda: self._take_signal(channel.chanid))

    def open_tunnel(self, hostname: str, port: int) -> "Channel":
        """Open a way from this host to another (`direct-tcpip`, RFC 4254, 7.2). Raises paramiko's `SSHException`."""
        here = ("127.0.0.1", 0)  # whom it is for is nobody's business there
        return self._transport.open_channel(
            "direct-tcpip", (hostname, port), here, timeout=self._address.connect_timeout_s
        )

    def _take_signal(self, channel_number: int) -> int | None:
        """Return the number of the signal that ended a channel's command, or None; 0 for one that has no number here."""
        name = self._signals.pop(channel_number, None)
        if name is None:
            return None
        known = {member.name: member.value for member in signal.Signals}
        return known.get("SIG" + name.split("@", maxsplit=1)[0].removeprefix("SIG"), 0)

    def close(self) -> None:
        """End the connection and every channel of it."""
        self._transport.close()
        self._end_proxy()

    def _end_proxy(self) -> None:
        if self._proxy is not None:
            end_process(self._proxy)
            self._proxy = None

    def _connect(self) -> "socket.socket | Channel":
        """Return the way to the host's SSH server: through a jump host, a proxy's program, or straight on."""
        import paramiko

        address = self._address
        if address.jump is not None:
            try:
                return self._sharing.tunnel(address.jump, address.hostname, address.port)
            except (paramiko.SSHException, OSError, EOFError) as error:
                raise UnreachableError(
                    f"{address.name} ({address.hostname} port {address.port}) can't be reached through "
                    f"{address.jump.name}: {shown(error)}.",
                    remedy="Check that the host is up, and that the jump host allows it (AllowTcpForwarding, PermitOpen).",
                    host=address.name,
                ) from error
        if address.proxy_command:
            connected, self._proxy = start_proxy(address.proxy_command, host=address.name)
            connected.settimeout(address.connect_timeout_s)
            return connected
        return _connect(address)

    def _negotiate(self, connected: "socket.socket | Channel") -> "Transport":
        import paramiko

        known_hosts = _load_known_hosts(self._address)
        try:
            transport = paramiko.Transport(connected)
        except (paramiko.SSHException, OSError) as error:
            raise target_error(error, self._address) from error
        try:
            self._start(transport, known_hosts)
            _check_host_key(transport.get_remote_server_key(), known_hosts, self._address)
        except (paramiko.SSHException, OSError, EOFError) as error:
            transport.close()
            raise target_error(error, self._address) from error
        except BaseException:
            transport.close()
            raise
        return transport

    def _start(self, transport: "Transport", known_hosts: KnownHosts) -> None:
        address = self._address
        transport.daemon = True
        transport.banner_timeout = 2 * address.connect_timeout_s  # so that it is start_client that gives up, always
        transport.auth_timeout = address.login_timeout_s
        transport.use_compression(address.has_compression)
        self._keep_signals(transport)
        options = transport.get_security_options()
        options.kex = tuple(name for name in KEY_EXCHANGES if name in options.kex)
        options.ciphers = tuple(name for name in CIPHERS if name in options.ciphers)
        options.digests = tuple(name for name in DIGESTS if name in options.digests)
        options.key_types = _known_first(options.key_types, known_hosts.key_types(address.key_name))
        transport.start_client(timeout=address.connect_timeout_s)
        # start_client returns without a word when its time is over (5.1.0).
        if not transport.is_active() or transport.host_key is None:
            raise TimeoutError

    def _keep_signals(self, transport: "Transport") -> None:
        """Note `exit-signal` (RFC 4254, 6.10), which paramiko 5.1 drops: killed would look like lost."""
        from paramiko.common import MSG_CHANNEL_REQUEST

        usual = transport._channel_handler_table  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public hook

        def note(channel: "Channel", message: "Message") -> None:
            if message.get_text() == "exit-signal":
                message.get_boolean()
                self._signals[channel.chanid] = message.get_text()
                return
            message.rewind()
            message.get_int()  # the channel's number, which the caller had read
            usual[MSG_CHANNEL_REQUEST](channel, message)

        transport._channel_handler_table = {**usual, MSG_CHANNEL_REQUEST: note}  # type: ignore[attr-defined]  # noqa: SLF001

    def _log_in(self) -> None:
        with identities(self._address, self._sharing.passphrases) as keys:
            tried = 0
            for key in keys:
                tried += 1
                if self._is_let_in_with(key, tried):
                    return
        raise self._refused(tried, "refused the login")

    def _is_let_in_with(self, key: "PKey", tried: int) -> bool:
        """Offer one key. Raises when no further key can help."""
        import paramiko

        fatal = (paramiko.BadAuthenticationType, paramiko.ssh_exception.PartialAuthentication)
        started = time.monotonic()
        try:
            if self._transport.auth_publickey(self._address.user, key):
                raise paramiko.ssh_exception.PartialAuthentication([])
        except fatal as error:
            raise target_error(error, self._address) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            if time.monotonic() - started >= self._address.login_timeout_s:
                raise self._refused(
                    tried, f"didn't decide within {self._address.login_timeout_s:g} s about the login"
                ) from error
            if not self._transport.is_active():
                raise self._refused(tried, "ended the connection") from error
            return False
        return True

    def _refused(self, tried: int, what: str) -> SaysoError:
        address = self._address
        if tried == 0:
            return UnreachableError(
                f"There is no key to log in on {address.name} with: no agent, and none in ~/.ssh.",
                remedy="Name one as IdentityFile (SSH configuration) or ansible_ssh_private_key_file (inventory).",
                host=address.name,
            )
        return UnreachableError(
            f"{address.name} ({address.hostname} port {address.port}) {what} of {shown(address.user)} after {tried} key(s).",
            remedy="Check the account, and name its one key as IdentityFile or ansible_ssh_private_key_file: "
            "servers stop after a few keys.",
            host=address.name,
        )


def _connect(address: HostAddress) -> socket.socket:
    """Return a connected socket with TCP_NODELAY, which paramiko doesn't set: a command takes 10 ms instead of 60."""
    try:
        connected = socket.create_connection((address.hostname, address.port), timeout=address.connect_timeout_s)
    except (OSError, UnicodeError) as error:
        raise target_error(error, address) from error
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_LIMIT_MS)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)
    return connected


def _load_known_hosts(address: HostAddress) -> KnownHosts:
    try:
        return KnownHosts.load(address.known_hosts_files)
    except OSError as error:
        raise HostKeyError(
            f"The known hosts in {error.filename} can't be read ({error.strerror}), so that no host key can be checked.",
            remedy="Correct the file's permissions.",
            host=address.name,
        ) from error


def _known_first(offered: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Order key types so that the server shows a key that can be compared with a known one (as OpenSSH does)."""
    return tuple(sorted(offered, key=lambda name: ("ssh-rsa" if name.startswith("rsa-") else name) not in known))


def _check_host_key(key: "PKey", known_hosts: KnownHosts, address: HostAddress) -> None:
    verdict = known_hosts.judge(address.key_name, key.asbytes())
    if verdict == "trusted":
        return
    where = f"{address.name} ({address.hostname} port {address.port})"
    name = address.key_name
    told = f"{key.get_name()} {key.fingerprint}"
    if verdict == "unknown":
        file = address.known_hosts_files[0] if address.known_hosts_files else "~/.ssh/known_hosts"
        line = f"{name} {key.get_name()} {key.get_base64()}"
        raise HostKeyError(
            f"The key of {where} is not known: {told}.",
            remedy=f"Compare it with what the host's operator says; then accept it once with "
            f"`sayso hosts trust-key {address.name}` or `ssh -p {address.port} {address.user}@{address.hostname}`, or "
            f"add this line to {file}: {line}",
            host=address.name,
            unknown=UnknownKey(key.fingerprint, line, file),
        )
    if verdict == "certified":
        raise HostKeyError(
            f"The key of {where} is not known: {told}. A certificate authority vouches for it (@cert-authority), "
            "and certificates are checked by ssh alone.",
            remedy="Let ssh make the connection: `sayso_transport=openssh` for the host in the inventory, or the setting "
            "`ssh_transport`.",
            host=address.name,
        )
    what = "HAS CHANGED" if verdict == "changed" else "HAS BEEN REVOKED"
    raise HostKeyError(
        f"WARNING: the key of {where} {what}: it shows {told}. Somebody may be between you and the host. Nothing was sent.",
        remedy="Ask the host's operator for its fingerprint. Only if it is this one, remove the old line with "
        f"`ssh-keygen -R '{name}'` and accept the new key.",
        host=address.name,
    )
