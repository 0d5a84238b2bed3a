"""Which places of a Linux file system hold programs, rules of access, what runs by itself, and secrets.

A place is the path and all below it; `*` stands for a part or a piece of one, a leading `**` for any folder.
Sources: hier(7), file-hierarchy(7), systemd.unit(5), systemd.generator(7), sudoers(5), sshd_config(5), pam(7),
ld.so(8), crontab(5), at(1), apt.conf(5), logrotate(8), NetworkManager-dispatcher(8), githooks(5), openrc(8).
"""

import re

from intents.intent import EffectName

PLACES: tuple[tuple[tuple[EffectName, ...], str], ...] = (
    # what runs at times
    (
        ("execution", "persistence"),
        """
        /etc/crontab /etc/anacrontab /etc/cron.* /etc/crontabs /var/spool/cron /var/spool/at /var/spool/atjobs
        /var/spool/atspool /var/spool/fcron /etc/fcrontab /etc/incron.d /var/spool/incron /var/spool/anacron
        /etc/periodic /var/cron
        """,
    ),
    (("access",), "/etc/cron.allow /etc/cron.deny /etc/at.allow /etc/at.deny"),
    # what runs at boot, at login of the system's manager, or when a device, address or package changes
    (
        ("execution", "persistence"),
        """
        /etc/systemd/system* /etc/systemd/user* /etc/systemd/*.control /etc/systemd/*.attached /run/systemd/system*
        /run/systemd/user* /run/systemd/transient /run/systemd/generator* /run/systemd/*.control /usr/lib/systemd
        /lib/systemd /usr/local/lib/systemd /etc/containers/systemd /usr/share/containers/systemd
        **/.config/systemd **/.local/share/systemd **/.config/containers/systemd /etc/dbus-1 /usr/share/dbus-1
        /etc/init /etc/init.d /etc/rc*.d /etc/rc.local /etc/rc.d /etc/rc.conf /etc/inittab /etc/runlevels
        /etc/conf.d /etc/local.d /etc/runit /etc/sv /etc/service /etc/s6* /etc/default /etc/sysconfig
        /etc/tmpfiles.d /run/tmpfiles.d /usr/lib/tmpfiles.d /etc/binfmt.d /usr/lib/binfmt.d
        /etc/udev /run/udev/rules.d /usr/lib/udev /lib/udev /etc/hotplug* /etc/acpi /etc/pm /etc/apm
        /etc/NetworkManager/dispatcher.d /usr/lib/NetworkManager/dispatcher.d /etc/networkd-dispatcher
        /etc/network/interfaces* /etc/network/if-*.d /etc/dhcp /etc/dhcpcd* /etc/ppp /etc/wpa_supplicant
        /etc/apt/apt.conf* /etc/apt/sources.list* /etc/apt/trusted.gpg* /etc/apt/keyrings /usr/share/keyrings
        /etc/dpkg /var/lib/dpkg/info /etc/dnf /etc/yum* /etc/zypp /etc/pacman* /etc/apk /etc/rpm /etc/portage
        /etc/kernel /usr/lib/kernel /etc/initramfs-tools /etc/dracut* /etc/mkinitcpio* /usr/lib/initcpio
        /usr/lib/dracut /etc/logrotate.conf /etc/logrotate.d /etc/update-motd.d /usr/lib/update-notifier
        /etc/rsyslog.conf /etc/rsyslog.d /etc/syslog-ng /etc/xinetd* /etc/inetd.conf /etc/supervisor* /etc/monit*
        /etc/fail2ban/action.d /etc/needrestart /etc/cloud /var/lib/cloud /etc/aliases /etc/mail /etc/letsencrypt/renewal*
        /etc/xdg/autostart /etc/X11/Xsession* /etc/X11/xinit /etc/unattended-upgrades /etc/smartd* /etc/mdadm*
        /usr/lib/NetworkManager/conf.d /etc/NetworkManager/conf.d /etc/auto.* /etc/autofs*
        **/.config/autostart **/.forward **/.procmailrc **/.xinitrc **/.xsession* **/.xprofile
        """,
    ),
    # what every shell, editor or version control runs for whoever starts it
    (
        ("execution", "persistence"),
        """
        /etc/profile /etc/profile.d /etc/bash.bashrc /etc/bash_completion* /etc/bashrc /etc/bash /etc/environment
        /etc/environment.d /usr/lib/environment.d /etc/zsh /etc/zshrc /etc/zshenv /etc/zprofile /etc/zlogin /etc/zlogout
        /etc/csh.* /etc/fish /etc/skel /etc/inputrc /etc/vim /etc/vimrc /etc/gitconfig /etc/screenrc /etc/tmux.conf
        **/.profile **/.bashrc **/.bash_profile **/.bash_login **/.bash_logout **/.bash_aliases **/.bash_completion*
        **/.zshrc **/.zshenv **/.zprofile **/.zlogin **/.zlogout **/.kshrc **/.mkshrc **/.ashrc **/.shrc **/.login
        **/.logout **/.cshrc **/.tcshrc **/.pam_environment **/.config/environment.d **/.config/fish **/.inputrc
        **/.vimrc **/.vim **/.exrc **/.config/nvim **/.emacs **/.emacs.d **/.screenrc **/.tmux.conf **/.config/tmux
        **/.gitconfig **/.config/git **/.git/config **/.git/hooks **/*.git/hooks **/*.git/config **/.hg/hgrc **/.hgrc
        **/.local/bin /home/*/bin /root/bin **/.config/pip **/.pythonrc* **/.gdbinit
        """,
    ),
    # programs and libraries
    (
        ("execution", "persistence"),
        """
        /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /usr/libexec /lib /lib32 /lib64 /libx32 /usr/lib
        /usr/lib32 /usr/lib64 /usr/libx32 /usr/local/lib /usr/local/lib64 /usr/local/libexec /snap/bin
        /etc/alternatives /var/lib/alternatives /etc/ld.so.preload /etc/ld.so.conf /etc/ld.so.conf.d /etc/ld.so.cache
        /etc/python* /etc/perl
        """,
    ),
    # kernel and boot
    (
        ("execution", "access", "persistence"),
        """
        /boot /efi /etc/grub* /etc/default/grub* /etc/lilo.conf /etc/extlinux* /etc/kernel/cmdline /etc/cmdline.d
        /etc/modules /etc/modules-load.d /run/modules-load.d /usr/lib/modules-load.d /etc/modprobe.d /run/modprobe.d
        /usr/lib/modprobe.d /lib/modprobe.d /lib/modules /usr/lib/modules /etc/depmod.d /etc/dkms /etc/sysctl.conf
        /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d /usr/local/lib/sysctl.d /usr/lib/udev /var/lib/dkms
        """,
    ),
    (("execution", "access"), "/proc/sys /proc/sysrq-trigger /sys/kernel /sys/module /sys/firmware /sys/fs/cgroup"),
    (
        ("access", "secrets"),
        """
        /dev/mem /dev/kmem /dev/port /dev/sd* /dev/hd* /dev/vd* /dev/xvd* /dev/nvme* /dev/mmcblk* /dev/dm-* /dev/md*
        /dev/mapper/* /dev/disk /dev/loop* /dev/ram*
        """,
    ),
    (("secrets",), "/proc/kcore /proc/kmem"),
    (
        ("execution", "access", "secrets"),
        "/proc/[0-9]*/mem /proc/*self/mem /proc/[0-9]*/task/*/mem /proc/*self/task/*/mem",
    ),
    (("secrets",), "/proc/[0-9]*/environ /proc/*self/environ /proc/[0-9]*/task/*/environ /proc/*self/task/*/environ"),
    # who may log in, as whom, and what they may do
    (
        ("access",),
        """
        /etc/passwd /etc/passwd- /etc/group /etc/group- /etc/subuid* /etc/subgid* /etc/shells /etc/login.* /etc/securetty
        /etc/nologin /etc/sudoers /etc/sudoers.d /etc/sudo.conf /etc/sudo_logsrvd.conf /var/db/sudo /run/sudo /var/lib/sudo
        /etc/doas.conf /etc/doas.d /run/doas /etc/polkit-1 /usr/share/polkit-1 /usr/local/share/polkit-1
        /var/lib/polkit-1 /run/polkit-1 /etc/pam.d /etc/pam.conf /usr/lib/pam.d /usr/share/pam-configs /etc/security
        /lib/security /lib/*/security /usr/lib/security /usr/lib/*/security /lib64/security /usr/lib64/security
        /etc/nsswitch.conf /etc/authselect /etc/krb5.conf* /etc/hosts.equiv /etc/hosts.allow /etc/hosts.deny
        /etc/shosts.equiv **/.rhosts **/.shosts **/.k5login **/.k5users /etc/exports /etc/exports.d /etc/sysusers.d
        /run/sysusers.d /usr/lib/sysusers.d /etc/userdb /run/userdb /var/lib/AccountsService /etc/selinux
        /etc/apparmor* /etc/libuser.conf /etc/adduser.conf /etc/deluser.conf /etc/dropbear* /run/docker.sock
        /var/run/docker.sock /run/containerd /run/podman /etc/docker /etc/containers
        """,
    ),
    (("access", "execution"), "/etc/ssh /usr/lib/ssh /usr/share/ssh /usr/libexec/openssh /etc/ssh/sshrc **/.ssh"),
    (
        ("access", "secrets"),
        """
        /etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/security/opasswd /etc/master.passwd
        """,
    ),
    (
        ("access", "secrets"),
        """
        /etc/tcb /etc/krb5.keytab /var/kerberos /var/lib/krb5kdc /etc/sssd /var/lib/sss /var/lib/samba/private
        """,
    ),
    # sayso's own
    (
        ("execution", "access", "persistence"),
        """
        /etc/sayso /var/lib/sayso **/.config/sayso **/.local/state/sayso **/.local/share/sayso **/.cache/sayso
        """,
    ),
    # secrets
    (
        ("secrets",),
        """
        /etc/ssl/private /etc/pki/private /etc/pki/*/private /etc/letsencrypt/keys /etc/letsencrypt/accounts
        /etc/ssh/ssh_host_*_key /etc/NetworkManager/system-connections /run/NetworkManager/system-connections
        /etc/wpa_supplicant /etc/wireguard /etc/openvpn /etc/ipsec.secrets /etc/ipsec.d/private /etc/swanctl /etc/ppp/*-secrets
        /etc/apt/auth.conf* /etc/mysql/debian.cnf /etc/ldap.secret /etc/nslcd.conf /etc/pam_ldap.conf /etc/libnss-ldap.secret
        /etc/credstore* /run/credstore* /run/credentials /run/secrets /var/run/secrets /var/lib/systemd/credential.secret
        /etc/vault* /etc/kubernetes /var/lib/kubelet /etc/rancher /etc/crypttab* /etc/cryptsetup-keys.d /etc/luks
        /etc/exim4/passwd.client /etc/postfix/sasl* /etc/samba/smbpasswd /etc/rsyncd.secrets /etc/chrony*.keys /etc/bind/rndc.key
        """,
    ),
    (("execution", "persistence"), "/etc/kubernetes/manifests /etc/wireguard /etc/openvpn"),
    (
        ("secrets",),
        """
        **/.gnupg **/.netrc **/.pgpass **/.my.cnf **/.mylogin.cnf **/.aws **/.kube **/.azure **/.config/gcloud
        **/.docker/config.json **/.config/containers/auth.json **/.config/gh **/.config/hub **/.git-credentials
        **/.npmrc **/.yarnrc* **/.pypirc **/.vault-token **/.password-store **/.local/share/keyrings **/.local/share/kwalletd
        **/.config/rclone **/.s3cfg **/.boto **/.terraform.d **/.cargo/credentials* **/.gem/credentials **/.m2/settings*.xml
        **/.smbcredentials **/.authinfo* **/.bash_history **/.zsh_history **/.python_history **/.psql_history
        **/.mysql_history **/.sh_history **/.ash_history **/.lesshst **/.env **/.htpasswd **/.mozilla **/.thunderbird
        **/.config/google-chrome **/.config/chromium
        """,
    ),
    # homes: what is changed or searched as a whole has these within
    (("access", "execution", "persistence"), "/home/*/.ssh /root/.ssh"),
    (("secrets",), "/home/*/.gnupg /root/.gnupg /home/*/.ssh/id_rsa /root/.ssh/id_rsa"),
)

NAMES: tuple[tuple[re.Pattern[str], tuple[EffectName, ...]], ...] = (
    (re.compile(r"authorized_keys2?|authorized_principals"), ("access", "execution")),
    (re.compile(r"id_[a-z0-9_-]+|ssh_host_[a-z0-9_]+_key"), ("secrets",)),
    (
        re.compile(
            r".+\.(?:key|p12|pfx|jks|keystore|kdbx?|ppk|keytab|agekey)|.*(?:priv|private)[a-z0-9_.-]*\.(?:pem|asc|gpg)"
        ),
        ("secrets",),
    ),
    (re.compile(r".*[_.-]key\.pem|key\.pem|.*-key\.pem"), ("secrets",)),
    (re.compile(r"\.env\.[a-z0-9_.-]+|\.ssh"), ("secrets",)),
)
"""Names that say what a file is, whatever folder it is in; in lower case."""
