"""Values for the slots of training sentences: thousands of names, so that no model learns them by heart.

Real names of packages, units, timers, modules, programs and kernel settings stand in `names/` (taken from Debian 12's
package index and `sysctl -aN`); people, hosts, databases, sizes, dates and texts are made from parts. Every draw comes
from the generator that is handed in, so the same seed gives the same sentences.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random

from intents.intent import Parameter
from intents.types.numbers import Count

NAMES = Path(__file__).parent / "names"

_FIRST_NAMES = (
    "alice bob carol dave erin frank grace heidi ivan judy mallory oscar peggy trent victor walter anna ben clara david "
    "emma felix greta hannah ian jonas klara lukas mia nils olga paul quinn rosa simon tina uwe vera wanda xenia yannick "
    "zoe ahmed fatima omar leila yusuf aisha chen wei ming li hiro yuki kenji sakura raj priya anil deepa sanjay kavita "
    "pablo lucia diego sofia mateo camila joao beatriz pedro ines luca giulia marco chiara pierre camille louis manon "
    "jan piotr kasia tomasz agnieszka ivana milan petra zoltan eszter andrei elena dmitri svetlana lars freya bjorn astrid "
    "kwame ama chidi ngozi thabo zanele tariq noor hassan dalia sean niamh rhys cerys hamish isla"
).split()
_LAST_NAMES = (
    "smith jones brown mueller schmidt weber rossi bianchi garcia lopez silva santos novak kowalski nagy ivanov larsen "
    "nguyen tran kim park tanaka sato singh patel khan ali okafor mensah murphy kelly dubois moreau jansen peeters"
).split()
_ACCOUNTS = (
    "root www-data postgres mysql nobody backup deploy jenkins gitlab-runner ansible ubuntu debian admin ops git "
    "nginx redis prometheus grafana tomcat app appuser webadmin svc-backup svc_deploy ftpuser mail daemon"
).split()
_GROUPS = (
    "docker sudo wheel adm www-data developers staff admins backup audio video plugdev users ops devs qa finance hr "
    "research students dialout libvirt kvm ssl-cert postgres redis sales ci contractors web-editors dba"
).split()
_WORDS = (
    "alpha atlas billing blog cache cart catalog checkout client cloud core crm data demo edge events export feed files "
    "forum gateway graph hub images import inbox inventory invoice jobs legacy lab ledger library login mail market media "
    "metrics mirror mobile news notify orders partner payments photos pipeline portal prod proxy queue reports retail "
    "reviews search sensor session shop sign staging stats stock store stream support sync tasks ticket tracker upload "
    "users vault video warehouse web wiki worker zeus falcon tiger maple cedar onyx quartz nova orion luna"
).split()
_SYLLABLES = "ba be bi bo bu da de di do du fa fi ga go ka ke ki ko la le li lo ma me mi mo na ne no pa pi po ra re ri ro sa se si so ta te ti to va ve vi xa za ze zo".split()
_TEXTS = (
    "connection refused|timeout|error|out of memory|permission denied|TODO|FIXME|deprecated|localhost|password|failed|"
    "404|hello world|OOM|segfault|warning|invalid user|listen 8080|debug = true|DEBUG|production|staging|v1.2.3|foo|bar|"
    "disk full|no space left on device|ECONNRESET|null|undefined|retry|fatal|handshake failed|certificate expired|"
    "maintenance tonight|nightly run|see ticket 4711|do not edit|managed by hand|max_connections|10.0.0.5|example.com"
).split("|")
_KEYS = (
    "PermitRootLogin PasswordAuthentication MaxAuthTries Port max_connections shared_buffers worker_processes "
    "client_max_body_size listen server_name timeout LogLevel Storage SystemMaxUse memory_limit upload_max_filesize "
    "bind-address innodb_buffer_pool_size maxmemory loglevel log_level debug port host interval retries cache_size "
    "keepalive_timeout user.name user.email DEFAULT_TIMEOUT LimitNOFILE TasksMax Restart Environment DB_HOST API_URL"
).split()
_VALUES = (
    "yes no on off true false 0 1 3 10 64 100 200 256 512 1024 4096 8080 30s 5m 64M 128M 256M 512M 1G 2G info debug warn "
    "error localhost 0.0.0.0 utf8mb4 volatile persistent prohibit-password always on-failure 3600 60 auto"
).split()
_COMMANDS = (
    "/usr/local/bin/backup.sh|/opt/app/bin/cleanup|/usr/bin/certbot renew|/srv/scripts/report.py|/usr/bin/rsync -a /srv /backup|"
    "/usr/local/sbin/rotate|/opt/tools/sync --quiet|/usr/bin/find /tmp -mtime +7 -delete|/home/deploy/run.sh"
).split("|")
_ZONES = "Europe/Berlin Europe/London Europe/Paris America/New_York America/Chicago Asia/Tokyo Asia/Kolkata Australia/Sydney UTC America/Sao_Paulo Africa/Lagos Asia/Dubai".split()
_IMAGES = "nginx:1.25 postgres:16 redis:7-alpine ghcr.io/acme/api:2.4.1 registry.local/shop:latest python:3.12-slim grafana/grafana traefik:v3 alpine busybox quay.io/acme/worker:main mysql:8".split()
_GLOBS = "*.log *.tmp *.bak *.gz *.conf core.* *.jpg *.pdf access* *.sql *.py *.csv *~ cache-* *.old *.yaml".split()
_REGEXES = "error|warn ^root: [0-9]+$ timeout fail(ed|ure) ^# \\bTODO\\b 5[0-9]{2} java python.* node nginx.*worker celery".split()
_JAILS = "sshd nginx-http-auth postfix recidive apache-auth dovecot nginx-limit-req".split()
_INTERFACES = "eth0 eth1 ens18 ens3 enp3s0 enp0s31f6 wlan0 wlp2s0 lo docker0 br0 bond0 wg0 tun0 eno1 vlan20".split()
_DEVICES = "/dev/sda /dev/sdb1 sdb sdc1 /dev/nvme0n1 nvme0n1p2 /dev/vda1 vdb /dev/md0 /dev/mapper/vg0-data sdd /dev/vg0/data".split()
_MOUNTS = "/ /var /home /srv /data /mnt/backup /boot /opt /mnt/nas /var/lib/docker /backup /tmp".split()
_MOMENTS = (
    "yesterday|last week|this morning|30 days ago|2 hours ago|an hour ago|monday|last friday|midnight|3pm|14:30|"
    "2026-11-01|since tuesday|the last 24 hours|10 minutes ago|last month|90 days|yesterday 3pm|noon today|a week ago"
).split("|")
_DURATIONS = "5 minutes|30s|an hour|2 hours|10 min|90 seconds|1 day|a week|15m|half an hour|45 minutes|1h".split("|")
_SIZES = (
    "100 MB|1 GB|500M|2G|10 gigs|50 megs|1.5 GB|200MB|5 gb|10 KB|1 TB|750 MB|20 GiB|4G|250 megabytes|a gigabyte".split(
        "|"
    )
)
_SCHEDULES = "every day at 3am|every night at 2:30|hourly|every 15 minutes|on mondays at 8|0 4 * * *|weekly|at 6 in the morning|tomorrow at 5|daily".split(
    "|"
)
_SIGNALS = "HUP TERM KILL USR1 INT SIGHUP SIGTERM SIGUSR2 9 15".split()
_MODES = "644 0644 755 600 0640 700 750 0755 664 775 0600 4755 2775".split()
_SECTIONS = "[Service] Journal mysqld Unit [Install] client global defaults http server".split()


def filled_value(parameter: Parameter, random: Random) -> str:
    """Return text that a person could write for a value of `parameter`."""
    by_name = _BY_NAME.get(parameter.name)
    if by_name is not None and parameter.type.name == "text":
        return by_name(random)
    if isinstance(parameter.type, Count):
        return str(min(max(int(_number(random)), parameter.type.low), parameter.type.high))
    return _BY_TYPE.get(parameter.type.name, _text)(random)


@cache
def _listed(name: str) -> tuple[str, ...]:
    return tuple((NAMES / f"{name}.txt").read_text(encoding="utf-8").split())


def _one_of(values: "tuple[str, ...] | list[str]") -> Callable[[Random], str]:
    return lambda random: random.choice(values)


def _made_word(random: Random) -> str:
    if random.random() < 0.6:
        word = random.choice(_WORDS)
        return word + random.choice(
            ["", "", str(random.randint(1, 30)), "-" + random.choice(_WORDS), "_" + random.choice(_WORDS)]
        )
    return "".join(random.choice(_SYLLABLES) for _ in range(random.randint(2, 4)))


def _user(random: Random) -> str:
    draw, first, last = random.random(), random.choice(_FIRST_NAMES), random.choice(_LAST_NAMES)
    if draw < 0.45:
        return first
    if draw < 0.6:
        return random.choice(_ACCOUNTS)
    forms = [first + "." + last, first[0] + last, first + str(random.randint(1, 99)), last, first + "_" + last[0]]
    return _made_word(random) if draw > 0.9 else random.choice(forms)


def _group(random: Random) -> str:
    return random.choice(_GROUPS) if random.random() < 0.6 else _made_word(random)


_USUAL_UNITS = (
    "nginx postgresql ssh sshd cron docker redis redis-server mysql mariadb apache2 httpd haproxy grafana-server "
    "prometheus node_exporter fail2ban postfix dovecot php8.2-fpm chronyd bind9 named rsyslog cups bluetooth jenkins "
    "gunicorn celery memcached rabbitmq-server elasticsearch kibana zabbix-agent samba smbd vsftpd openvpn wg-quick@wg0 "
    "getty@tty1 postgresql@15-main tomcat9 mongod etcd kubelet containerd crond firewalld NetworkManager"
).split()


def _unit(random: Random) -> str:
    draw = random.random()
    if draw < 0.45:
        name = random.choice(_USUAL_UNITS)
    elif draw < 0.8:
        name = random.choice(_listed("units"))
    else:
        name = _made_word(random) + random.choice(["", "-api", "-worker", "d", "-web", "@1"])
    return name + (".service" if random.random() < 0.12 else "")


_USUAL_PACKAGES = "htop jq curl vim nginx git tmux rsync nmap python3 openssl postgresql-15 redis nodejs tree strace php8.2 docker.io mc wget unzip".split()


def _package(random: Random) -> str:
    return random.choice(_USUAL_PACKAGES) if random.random() < 0.3 else random.choice(_listed("packages"))


def _path(random: Random) -> str:
    """Paths are read as one stand-in by the model; only their shape must be one."""
    roots = [
        "/etc",
        "/var/log",
        "/srv",
        "/home/" + random.choice(_FIRST_NAMES),
        "/opt",
        "/var/lib",
        "/tmp",
        "/mnt/data",
        "~",
    ]
    parts = [random.choice(roots), *(_made_word(random) for _ in range(random.randint(1, 3)))]
    ending = random.choice(["", "", ".conf", ".log", ".txt", ".sh", ".tar.gz", ".yml", ".db", ".pem"])
    draw = random.random()
    if draw < 0.1:
        return _made_word(random) + (ending or ".txt")
    return "/".join(parts) + ending


def _host(random: Random) -> str:
    word = random.choice(["web", "db", "app", "cache", "mail", "node", "gw", "bastion", random.choice(_WORDS)])
    name = word + random.choice(
        ["", str(random.randint(1, 40)), "-" + str(random.randint(1, 9)), "0" + str(random.randint(1, 9))]
    )
    return name + random.choice(["", "", ".example.com", ".internal", "." + _made_word(random) + ".org", ".local"])


def _address(random: Random) -> str:
    plain = ".".join(str(random.randint(1, 254)) for _ in range(4))
    return plain + random.choice(["", "", "", "/24", "/16"])


def _text(random: Random) -> str:
    draw = random.random()
    text = random.choice(_TEXTS) if draw < 0.6 else " ".join(_made_word(random) for _ in range(random.randint(1, 3)))
    quote = random.choice(["", "'", '"']) if " " not in text else random.choice(["'", '"', '"', ""])
    return quote + text + quote


def _key(random: Random) -> str:
    return random.choice(_KEYS) if random.random() < 0.6 else _made_word(random)


def _value(random: Random) -> str:
    draw = random.random()
    return (
        random.choice(_VALUES) if draw < 0.75 else str(random.randint(1, 9999)) if draw < 0.85 else _made_word(random)
    )


def _quoted_or_plain(values: list[str]) -> Callable[[Random], str]:
    def draw(random: Random) -> str:
        quote = random.choice(["", "'", '"'])
        return quote + random.choice(values) + quote

    return draw


def _number(random: Random) -> str:
    return str(random.choice([1, 2, 3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 50, 60, 100, 200, 500, 1000]))


def _pid(random: Random) -> str:
    return str(random.randint(2, 99999))


def _port(random: Random) -> str:
    return str(
        random.choice(
            [
                22,
                25,
                53,
                80,
                443,
                3000,
                3306,
                5432,
                5601,
                6379,
                8000,
                8080,
                8443,
                9090,
                9100,
                random.randint(1024, 65535),
            ]
        )
    )


def _url(random: Random) -> str:
    return "https://" + _host(random).split(".")[0] + ".example.org/" + _made_word(random)


def _revision(random: Random) -> str:
    return random.choice(
        [
            "main",
            "develop",
            "v1.4.2",
            "feature/" + _made_word(random),
            f"{random.getrandbits(28):07x}",
            "release-2.1",
        ]
    )


def _snapshot(random: Random) -> str:
    return random.choice(["latest", f"{random.getrandbits(32):08x}"])


def _percentage(random: Random) -> str:
    return str(random.choice([5, 10, 50, 75, 80, 85, 90, 95])) + random.choice(["%", " percent"])


_BY_TYPE: Mapping[str, Callable[[Random], str]] = {
    "path": _path, "user": _user, "name:user": _user, "group": _group, "name:group": _group, "name:unit": _unit,
    "name:service": _made_word, "name:timer": lambda random: random.choice(_listed("timers")), "package": _package,
    "name:module": lambda random: random.choice(_listed("modules")), "process": lambda random: random.choice(_listed("programs")),
    "name:sysctl": lambda random: random.choice(_listed("sysctls")), "name:timezone": _one_of(_ZONES), "host": _host,
    "name:hostname": _host, "address": _address, "url": _url, "name:container": _made_word, "name:database": _made_word,
    "name:image": _one_of(_IMAGES), "name:jail": _one_of(_JAILS), "name:revision": _revision, "name:snapshot": _snapshot,
    "interface": _one_of(_INTERFACES), "device": _one_of(_DEVICES), "mount": _one_of(_MOUNTS), "moment": _one_of(_MOMENTS),
    "duration": _one_of(_DURATIONS), "size": _one_of(_SIZES), "count": _number, "percentage": _percentage, "pid": _pid,
    "port": _port, "mode": _one_of(_MODES), "signal": _one_of(_SIGNALS), "glob": _quoted_or_plain(_GLOBS),
    "regex": _quoted_or_plain(_REGEXES), "text": _text,
}  # fmt: skip

_BY_NAME: Mapping[str, Callable[[Random], str]] = {
    "key": _key, "value": _value, "directive": _key, "command": _quoted_or_plain(_COMMANDS), "when": _one_of(_SCHEDULES),
    "time": _one_of(_SCHEDULES), "section": _one_of(_SECTIONS), "block": _one_of(_SECTIONS), "name": _made_word,
    "column": lambda random: random.choice([*_WORDS, *"1 2 3 4".split()]), "suite": _one_of(["bookworm", "stable", "jammy", "noble"]),
    "components": _one_of(["main", "main contrib", "universe"]), "kind": _one_of(["ext4", "xfs", "nfs", "btrfs"]),
    "options": _one_of(["noatime", "ro", "defaults,nofail", "rw,relatime"]), "equals": _value,
    "source": lambda random: random.choice([*_DEVICES, "nas:/export/media", "UUID=3f1b-22"]), "old": _text, "new": _text,
    "expires": _one_of(["2027-01-31", "end of march", "31.12.2026", "next friday"]), "date": _one_of(["2026-11-24 10:00", "noon", "14:05"]),
}  # fmt: skip
