"""The kinds of names, each with the rule that its pattern implements. No pattern lets a name begin with `-`."""

import re
from collections.abc import Sequence
from typing import ClassVar

from intents.types.named import NameType
from intents.types.resemblance import resembling
from intents.values import Json

_UNIT_SUFFIXES = (
    "service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope",
)  # fmt: skip


class Unit(NameType):
    r"""A systemd unit; ".service" may be left out.

    systemd.unit(5), 257: ASCII letters, digits, ":", "-", "_", ".", "\\" and "@", at most 255 characters
    with the suffix. The root's "-.mount" begins with a dash and is left out.
    """

    name: ClassVar[str] = "name:unit"
    kind: ClassVar[str] = "unit"
    what: ClassVar[str] = "systemd unit"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_:\\@.][A-Za-z0-9:_.\\@-]*")
    example: ClassVar[str] = "nginx.service"
    must_exist: ClassVar[bool] = True
    shape: ClassVar[re.Pattern[str] | None] = re.compile(rf"[^\s./]+(?:\.[^\s./]+)*\.(?:{'|'.join(_UNIT_SUFFIXES)})")
    suffix: ClassVar[str] = "service"

    def _has_suffix(self, name: str) -> bool:
        stem, _, suffix = name.rpartition(".")
        return bool(stem) and suffix in _UNIT_SUFFIXES

    def _forms(self, name: str) -> tuple[str, ...]:
        """Return the name with its suffix, then the bare one, as OpenRC writes it."""
        if self._has_suffix(name):
            return (name, name.removesuffix(".service")) if name.endswith(".service") else (name,)
        return (f"{name}.{self.suffix}", name)

    def _normalised(self, name: str) -> str:
        return self._forms(name)[0] if name and not name.startswith("-") else name

    def _resembling(self, word: str, live: Sequence[str]) -> list[str]:
        """Compare stems with stems, so that the common suffix doesn't make strangers alike."""
        stem, suffix = (word.rpartition(".")[::2]) if self._has_suffix(word) else (word, self.suffix)
        ending = f".{suffix}"
        by_stem = {
            name.removesuffix(ending): name for name in live if name.endswith(ending) or not self._has_suffix(name)
        }
        return [by_stem[found] for found in resembling(stem, list(by_stem))]


class NewService(Unit):
    """The name of a service that is about to be made; ".service" may be left out. No template, no instance."""

    name: ClassVar[str] = "name:service"
    what: ClassVar[str] = "service"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.-]*")
    must_exist: ClassVar[bool] = False
    is_new: ClassVar[bool] = True
    example: ClassVar[str] = "backup.service"

    def _checked(self, value: Json) -> str:
        name = super()._checked(value)
        if not name.endswith(".service"):
            raise self._malformed(name)
        return name


class Timer(Unit):
    """A systemd timer; ".timer" may be left out. systemd.timer(5), systemd.unit(5)."""

    name: ClassVar[str] = "name:timer"
    kind: ClassVar[str] = "timer"
    what: ClassVar[str] = "systemd timer"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_:\\@.][A-Za-z0-9:_.\\@-]*\.timer")
    example: ClassVar[str] = "logrotate.timer"
    shape: ClassVar[re.Pattern[str] | None] = re.compile(r"[^\s./]+(?:\.[^\s./]+)*\.timer")
    suffix: ClassVar[str] = "timer"

    def _is_allowed(self, name: str) -> bool:
        return super()._is_allowed(name if self._has_suffix(name) else f"{name}.timer") and not name.startswith(".")

    def _checked(self, value: Json) -> str:
        name = super()._checked(value)
        if not name.endswith(".timer"):
            raise self._malformed(name)
        return name


class User(NameType):
    """An account that exists.

    useradd(8), shadow 4.13: letters, digits, underscores and dashes, no dash first, a "$" at the end, not
    fully numeric, at most 32 characters. Dots inside are allowed as well (systemd's relaxed rule), for directories.
    """

    name: ClassVar[str] = "user"
    kind: ClassVar[str] = "user"
    what: ClassVar[str] = "user"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")
    max_length: ClassVar[int] = 32
    embeddable: ClassVar[bool] = True  # no name holds the `:` that ends it in an entry of an access list
    example: ClassVar[str] = "alice"
    must_exist: ClassVar[bool] = True


class NewUser(User):
    """The name of an account that is about to be created: the same rule, no comparison with live names."""

    name: ClassVar[str] = "name:user"
    is_new: ClassVar[bool] = True


class Group(User):
    """A group that exists. groupadd(8): the rule of useradd(8)."""

    name: ClassVar[str] = "group"
    kind: ClassVar[str] = "group"
    what: ClassVar[str] = "group"
    example: ClassVar[str] = "www-data"


class NewGroup(Group):
    """The name of a group that is about to be created."""

    name: ClassVar[str] = "name:group"
    is_new: ClassVar[bool] = True


class Package(NameType):
    """A package, installed or not.

    Debian Policy 5.6.1: lower-case letters, digits, "+", "-", "." beginning with a letter or digit; RPM, Arch and
    Alpine names have capitals and "_" too. dpkg's ":architecture" may follow. No version, no file, no URL.
    """

    name: ClassVar[str] = "package"
    kind: ClassVar[str] = "package"
    what: ClassVar[str] = "package"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(?::[a-z0-9][a-z0-9-]*)?")
    example: ClassVar[str] = "htop"
    must_exist: ClassVar[bool] = False


class Interface(NameType):
    """A network interface. net/core/dev.c, dev_valid_name: at most 15 bytes, no "/", ":" or blank; here ASCII only."""

    name: ClassVar[str] = "interface"
    kind: ClassVar[str] = "interface"
    what: ClassVar[str] = "network interface"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
    max_length: ClassVar[int] = 15
    example: ClassVar[str] = "eth0"
    must_exist: ClassVar[bool] = True
    shape: ClassVar[re.Pattern[str] | None] = re.compile(
        r"lo|(?:eth|ens|eno|enp|wlan|wlp|br|bond|tun|tap|wg|docker|virbr)[0-9][A-Za-z0-9.]*"
    )


class Host(NameType):
    """A host of the inventory. RFC 1123 2.1 labels; "_" is allowed, as ssh_config(5) aliases have it."""

    name: ClassVar[str] = "host"
    kind: ClassVar[str] = "host"
    what: ClassVar[str] = "host"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")
    max_length: ClassVar[int] = 253
    example: ClassVar[str] = "web1.example.org"
    must_exist: ClassVar[bool] = True


class Process(NameType):
    """A running program by its name (proc(5), comm: at most 15 bytes; longer names are those of programs)."""

    name: ClassVar[str] = "process"
    kind: ClassVar[str] = "process"
    what: ClassVar[str] = "process"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:@-]*")
    max_length: ClassVar[int] = 64
    example: ClassVar[str] = "nginx"
    must_exist: ClassVar[bool] = False


class Container(NameType):
    """A container by name or id. moby daemon/names: RestrictedNameChars, [a-zA-Z0-9][a-zA-Z0-9_.-]."""

    name: ClassVar[str] = "name:container"
    kind: ClassVar[str] = "container"
    what: ClassVar[str] = "container"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
    example: ClassVar[str] = "web"
    must_exist: ClassVar[bool] = False


class Volume(Container):
    """A container volume by name. moby: the rule of container names."""

    name: ClassVar[str] = "name:volume"
    kind: ClassVar[str] = "volume"
    what: ClassVar[str] = "volume"
    example: ClassVar[str] = "database-files"


class Image(NameType):
    """A container image: "nginx", "docker.io/library/nginx:1.27", with tag and digest.

    The reference grammar of github.com/distribution/reference: [host[:port]/]path[:tag][@sha256:digest],
    path in lower case.
    """

    name: ClassVar[str] = "name:image"
    kind: ClassVar[str] = "image"
    what: ClassVar[str] = "container image"
    allowed: ClassVar[re.Pattern[str]] = re.compile(
        r"(?:[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9][A-Za-z0-9-]*)*(?::[0-9]{1,5})?/)?"
        r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
    )
    example: ClassVar[str] = "docker.io/library/nginx:1.27"
    must_exist: ClassVar[bool] = False


class Module(NameType):
    """A kernel module. include/linux/moduleparam.h: MODULE_NAME_LEN leaves 55 characters; modprobe(8) reads - as _."""

    name: ClassVar[str] = "name:module"
    kind: ClassVar[str] = "module"
    what: ClassVar[str] = "kernel module"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
    max_length: ClassVar[int] = 55
    example: ClassVar[str] = "br_netfilter"
    must_exist: ClassVar[bool] = False


class Timezone(NameType):
    """A zone of the tz database. Its theory.html: ASCII letters, ".", "-", "_", parts of at most 14 characters."""

    name: ClassVar[str] = "name:timezone"
    kind: ClassVar[str] = "timezone"
    what: ClassVar[str] = "time zone"
    allowed: ClassVar[re.Pattern[str]] = re.compile(
        r"[A-Za-z][A-Za-z0-9_+-]{0,13}(?:/[A-Za-z0-9][A-Za-z0-9_+-]{0,19}){0,2}"
    )
    max_length: ClassVar[int] = 64
    example: ClassVar[str] = "Europe/Berlin"
    must_exist: ClassVar[bool] = False
    shape: ClassVar[re.Pattern[str] | None] = re.compile(
        r"UTC|(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)/[A-Za-z0-9/_+-]+"
    )


class Sysctl(NameType):
    """A kernel setting. sysctl.d(5): parts separated by "." or "/"; no part is empty, so none climbs out of /proc/sys."""

    name: ClassVar[str] = "name:sysctl"
    kind: ClassVar[str] = "sysctl"
    what: ClassVar[str] = "kernel setting"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[a-z][a-z0-9_]*(?:[./][A-Za-z0-9_][A-Za-z0-9_-]*)+")
    example: ClassVar[str] = "net.ipv4.ip_forward"
    must_exist: ClassVar[bool] = False
    formats: ClassVar[tuple[str, ...]] = ("below_proc",)
    shape: ClassVar[re.Pattern[str] | None] = re.compile(
        r"(?:abi|crypto|debug|dev|fs|kernel|net|sunrpc|user|vm)[.][A-Za-z0-9_./-]+"
    )

    def _write(self, value: str, form: str | None) -> str:
        """`below_proc` is the path below /proc/sys. sysctl.d(5): the first separator of the two is the one that separates."""
        is_path = "/" in value.partition(".")[0]
        return value if form is None or is_path else value.translate(str.maketrans("./", "/."))


class Hostname(NameType):
    """A host's name in the DNS, or the one that a host gives itself. RFC 1123 2.1, hostname(7): labels of 1 to 63."""

    name: ClassVar[str] = "name:hostname"
    kind: ClassVar[str] = "hostname"
    what: ClassVar[str] = "host name"
    allowed: ClassVar[re.Pattern[str]] = re.compile(
        r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
    )
    max_length: ClassVar[int] = 253
    example: ClassVar[str] = "web1.example.org"
    must_exist: ClassVar[bool] = False


class Database(NameType):
    """A database. PostgreSQL 4.1.1: identifiers of at most 63 bytes; letters, digits, "_", and "-" for MySQL's."""

    name: ClassVar[str] = "name:database"
    kind: ClassVar[str] = "database"
    what: ClassVar[str] = "database"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
    max_length: ClassVar[int] = 63
    example: ClassVar[str] = "shop"
    must_exist: ClassVar[bool] = False


class Jail(NameType):
    """A fail2ban jail. jail.conf(5): the name of a section; here letters, digits, "_", ".", "-"."""

    name: ClassVar[str] = "name:jail"
    kind: ClassVar[str] = "jail"
    what: ClassVar[str] = "fail2ban jail"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
    max_length: ClassVar[int] = 64
    example: ClassVar[str] = "sshd"
    must_exist: ClassVar[bool] = False


class Revision(NameType):
    """A branch, tag or commit of a git checkout.

    git-check-ref-format(1): parts between slashes, none of which begins with "." or ends with ".lock", without
    "..", "@{" and "//"; here letters, digits, "_", ".", "+", "-", "#".
    """

    name: ClassVar[str] = "name:revision"
    kind: ClassVar[str] = "revision"
    what: ClassVar[str] = "branch, tag or commit"
    allowed: ClassVar[re.Pattern[str]] = re.compile(
        r"(?!.*(?:\.\.|\.lock(?:/|\Z)|\.\Z))[A-Za-z0-9_][A-Za-z0-9_.+#-]*(?:/[A-Za-z0-9_+#-][A-Za-z0-9_.+#-]*)*"
    )
    example: ClassVar[str] = "v2.3"
    must_exist: ClassVar[bool] = False


class Snapshot(NameType):
    """A snapshot of a backup by restic: its id (64 hexadecimal digits, of which 8 are shown), or the word "latest"."""

    name: ClassVar[str] = "name:snapshot"
    kind: ClassVar[str] = "snapshot"
    what: ClassVar[str] = "snapshot"
    allowed: ClassVar[re.Pattern[str]] = re.compile(r"latest|[0-9a-f]{8,64}")
    max_length: ClassVar[int] = 64
    example: ClassVar[str] = "40dc1520"
    must_exist: ClassVar[bool] = False
    shape: ClassVar[re.Pattern[str] | None] = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{8,64}")
