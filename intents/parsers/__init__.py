"""From a tool's output to typed rows: the registry of parsers by the names that packs use.

A parser is a pure function of the output and the declared columns. It returns a row with every
declared column for each record, no row for no output, and raises `ParseError` for output that it
doesn't know, rather than guess.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from intents.parsers import (
    access,
    accounts,
    archives,
    audits,
    backups,
    certificates,
    checkouts,
    containers,
    databases,
    disks,
    files,
    filesystems,
    firewall_zones,
    firewalls,
    generic,
    hosts,
    journals,
    keys,
    machine,
    modules,
    networks,
    open_files,
    package_lists,
    package_relations,
    package_sources,
    packages,
    port_rules,
    processes,
    reachability,
    routes_and_names,
    schedules,
    services,
    settings,
    startups,
    storage,
    sudo_rules,
    texts,
    unit_reports,
    users,
    webs,
)
from intents.parsers.conversion import ParseError, convert, decode, rows_of
from intents.parsers.options import NO_OPTIONS, PARSERS_WITH_OPTIONS
from intents.values import Column, Row

Parser: TypeAlias = Callable[[bytes, tuple[Column, ...]], list[Row]]

PARSERS: Mapping[str, Parser] = {
    "kv": generic.parse_kv,
    "json": generic.parse_json,
    "jsonl": generic.parse_jsonl,
    "lines": generic.parse_lines,
    "text": generic.parse_text,
    "nul": generic.parse_nul,
    "F:access_log": webs.parse_access_log,
    "F:acl": access.parse_acl,
    "F:apache_files": webs.parse_apache_files,
    "F:apache_sites": webs.parse_apache_sites,
    "F:apk_list": package_lists.parse_apk_list,
    "F:apk_policy": package_lists.parse_apk_policy,
    "F:apk_repositories": package_sources.parse_apk_repositories,
    "F:apk_search": package_lists.parse_apk_search,
    "F:apk_simulation": packages.parse_apk_simulation,
    "F:apk_state": packages.parse_apk_state,
    "F:apk_upgradable": package_sources.parse_apk_upgradable,
    "F:apparmor": audits.parse_apparmor,
    "F:apt_depends": package_relations.parse_apt_depends,
    "F:apt_held": package_sources.parse_apt_held,
    "F:apt_history": package_sources.parse_apt_history,
    "F:apt_policy": packages.parse_apt_policy,
    "F:apt_rdepends": package_relations.parse_apt_rdepends,
    "F:apt_repositories": package_sources.parse_apt_repositories,
    "F:apt_simulation": packages.parse_apt_simulation,
    "F:apt_state": packages.parse_apt_state,
    "F:apt_upgradable": package_sources.parse_apt_upgradable,
    "F:apt_uris": package_lists.parse_apt_uris,
    "F:archive_members": archives.parse_archive_members,
    "F:at_commands": schedules.parse_at_commands,
    "F:atq": schedules.parse_atq,
    "F:attributes": access.parse_attributes,
    "F:authorized_keys": keys.parse_authorized_keys,
    "F:block_device": filesystems.parse_block_device,
    "F:boot_blame": unit_reports.parse_boot_blame,
    "F:boots": services.parse_boots,
    "F:borg_archives": backups.parse_borg_archives,
    "F:borg_size": backups.parse_borg_size,
    "F:btrfs_check": filesystems.parse_btrfs_check,
    "F:certificates_found": certificates.parse_certificates_found,
    "F:chage": users.parse_chage,
    "F:checksums_agree": files.parse_checksums_agree,
    "F:checksums_nul": files.parse_checksums_nul,
    "F:chrony_tracking": machine.parse_chrony_tracking,
    "F:container_disk": containers.parse_container_disk,
    "F:container_image": containers.parse_container_image,
    "F:container_images": containers.parse_container_images,
    "F:container_images_going": containers.parse_container_images_going,
    "F:container_state": containers.parse_container_state,
    "F:container_stats": containers.parse_container_stats,
    "F:containers": containers.parse_containers,
    "F:containers_going": containers.parse_containers_going,
    "F:count_of_x": texts.parse_count_of_x,
    "F:cpuinfo": hosts.parse_cpuinfo,
    "F:critical_chain": startups.parse_critical_chain,
    "F:cron": schedules.parse_cron,
    "F:df_available": files.parse_df_available,
    "F:df_output": disks.parse_df_output,
    "F:dig": routes_and_names.parse_dig,
    "F:dmesg": machine.parse_dmesg,
    "F:dnf_held": package_sources.parse_dnf_held,
    "F:dnf_history": package_sources.parse_dnf_history,
    "F:dnf_repositories": package_sources.parse_dnf_repositories,
    "F:dnf_search": package_lists.parse_dnf_search,
    "F:dnf_simulation": packages.parse_dnf_simulation,
    "F:dnf_state": packages.parse_dnf_state,
    "F:dnf_upgradable": package_sources.parse_dnf_upgradable,
    "F:dnf_versions": package_lists.parse_dnf_versions,
    "F:dpkg_list": packages.parse_dpkg_list,
    "F:du_kib": files.parse_du_kib,
    "F:du_nul": files.parse_du_nul,
    "F:du_written": files.parse_du_written,
    "F:dumpe2fs": storage.parse_dumpe2fs,
    "F:duplicates": files.parse_duplicates,
    "F:duplicates_lines": files.parse_duplicates_lines,
    "F:e2fsck": filesystems.parse_e2fsck,
    "F:e2fsck_problems": filesystems.parse_e2fsck_problems,
    "F:ethtool": routes_and_names.parse_ethtool,
    "F:fail2ban_jail": audits.parse_fail2ban_jail,
    "F:fail2ban_jails": audits.parse_fail2ban_jails,
    "F:files_going": files.parse_files_going,
    "F:files_lines": files.parse_files_lines,
    "F:files_nul": files.parse_files_nul,
    "F:findmnt": disks.parse_findmnt,
    "F:firewalld_zone": port_rules.parse_firewalld_zone,
    "F:firewalld_zones": firewall_zones.parse_firewalld_zones,
    "F:first_of_two": files.parse_first_of_two,
    "F:fstrim": filesystems.parse_fstrim,
    "F:getent_ahosts": networks.parse_getent_ahosts,
    "F:getent_hosts": routes_and_names.parse_getent_hosts,
    "F:git_place": checkouts.parse_git_place,
    "F:git_refs": checkouts.parse_git_refs,
    "F:git_remotes": checkouts.parse_git_remotes,
    "F:git_standing": checkouts.parse_git_standing,
    "F:git_status": checkouts.parse_git_status,
    "F:grep_nul": files.parse_grep_nul,
    "F:grep_numbered": texts.parse_grep_numbered,
    "F:group": accounts.parse_group,
    "F:id": users.parse_id,
    "F:iostat": machine.parse_iostat,
    "F:ip_addresses": networks.parse_ip_addresses,
    "F:ip_addresses_of": reachability.parse_ip_addresses_of,
    "F:ip_link_switch": reachability.parse_ip_link_switch,
    "F:ip_addresses_text": networks.parse_ip_addresses_text,
    "F:ip_links": networks.parse_ip_links,
    "F:ip_links_text": networks.parse_ip_links_text,
    "F:ip_routes": networks.parse_ip_routes,
    "F:ip_routes_text": networks.parse_ip_routes_text,
    "F:itemized": files.parse_itemized,
    "F:journal": services.parse_journal,
    "F:journal_found": journals.parse_journal_found,
    "F:key_fingerprint": keys.parse_key_fingerprint,
    "F:keyscan": keys.parse_keyscan,
    "F:known_host": keys.parse_known_host,
    "F:last": accounts.parse_last,
    "F:loadavg": hosts.parse_loadavg,
    "F:lsblk": disks.parse_lsblk,
    "F:lscpu": hosts.parse_lscpu,
    "F:lshw": machine.parse_lshw,
    "F:lsof": open_files.parse_lsof,
    "F:lsof_processes": open_files.parse_lsof_processes,
    "F:lvextend": filesystems.parse_lvextend,
    "F:lvm_report": storage.parse_lvm_report,
    "F:mdstat": storage.parse_mdstat,
    "F:meminfo": hosts.parse_meminfo,
    "F:modprobe": modules.parse_modprobe,
    "F:mpstat": machine.parse_mpstat,
    "F:mysql_batch": databases.parse_mysql_batch,
    "F:mysqladmin_ping": databases.parse_mysqladmin_ping,
    "F:name_and_summary": packages.parse_name_and_summary,
    "F:needed_names": package_relations.parse_needed_names,
    "F:needrestart": machine.parse_needrestart,
    "F:nft_chains": port_rules.parse_nft_chains,
    "F:nft_element": firewalls.parse_nft_element,
    "F:nft_ruleset": firewalls.parse_nft_ruleset,
    "F:nft_translating": firewall_zones.parse_nft_translating,
    "F:nginx_files": webs.parse_nginx_files,
    "F:nginx_sites": webs.parse_nginx_sites,
    "F:nstat": reachability.parse_nstat,
    "F:openrc_crashed": services.parse_openrc_crashed,
    "F:openrc_list": services.parse_openrc_list,
    "F:openrc_names": unit_reports.parse_openrc_names,
    "F:openrc_runlevels": startups.parse_openrc_runlevels,
    "F:openrc_status": services.parse_openrc_status,
    "F:openssl_s_client": certificates.parse_openssl_s_client,
    "F:openssl_x509": certificates.parse_openssl_x509,
    "F:os_release": hosts.parse_os_release,
    "F:owned_by": package_relations.parse_owned_by,
    "F:package_description": package_lists.parse_package_description,
    "F:package_files": package_relations.parse_package_files,
    "F:package_verify": package_relations.parse_package_verify,
    "F:pacman_history": package_sources.parse_pacman_history,
    "F:pacman_installation": packages.parse_pacman_installation,
    "F:pacman_installation_state": packages.parse_pacman_installation_state,
    "F:pacman_list": package_lists.parse_pacman_list,
    "F:pacman_removal": packages.parse_pacman_removal,
    "F:pacman_removal_state": packages.parse_pacman_removal_state,
    "F:pacman_search": package_lists.parse_pacman_search,
    "F:pacman_upgradable": package_sources.parse_pacman_upgradable,
    "F:pacman_upgrade": packages.parse_pacman_upgrade,
    "F:passwd": users.parse_passwd,
    "F:passwd_status": accounts.parse_passwd_status,
    "F:pg_isready": databases.parse_pg_isready,
    "F:pgrep": open_files.parse_pgrep,
    "F:ping": reachability.parse_ping,
    "F:place": archives.parse_place,
    "F:port_probe": reachability.parse_port_probe,
    "F:prlimit": open_files.parse_prlimit,
    "F:proc_modules": machine.parse_proc_modules,
    "F:proc_mounts": disks.parse_proc_mounts,
    "F:proc_stat": processes.parse_proc_stat,
    "F:proc_status": open_files.parse_proc_status,
    "F:proc_swaps": storage.parse_proc_swaps,
    "F:ps_args": processes.parse_ps_args,
    "F:ps_forest": processes.parse_ps_forest,
    "F:ps_stuck": processes.parse_ps_stuck,
    "F:public_keys": keys.parse_public_keys,
    "F:redis_clients": databases.parse_redis_clients,
    "F:redis_info": databases.parse_redis_info,
    "F:redis_replication": databases.parse_redis_replication,
    "F:redis_slowlog": databases.parse_redis_slowlog,
    "F:resolv_conf": reachability.parse_resolv_conf,
    "F:restic_files": backups.parse_restic_files,
    "F:restic_forget": backups.parse_restic_forget,
    "F:restic_stats": backups.parse_restic_stats,
    "F:restic_summary": backups.parse_restic_summary,
    "F:reverse_dependencies": services.parse_reverse_dependencies,
    "F:rpm_list": packages.parse_rpm_list,
    "F:rpm_owner": package_relations.parse_rpm_owner,
    "F:runlevel_link": services.parse_runlevel_link,
    "F:sar_interfaces": reachability.parse_sar_interfaces,
    "F:security_exposure": startups.parse_security_exposure,
    "F:service_resources": unit_reports.parse_service_resources,
    "F:sestatus": audits.parse_sestatus,
    "F:sfdisk": storage.parse_sfdisk,
    "F:shadow": accounts.parse_shadow,
    "F:smartctl": storage.parse_smartctl,
    "F:ss_connected": processes.parse_ss_connected,
    "F:ss_connections": reachability.parse_ss_connections,
    "F:ss_listening": processes.parse_ss_listening,
    "F:startup_time": startups.parse_startup_time,
    "F:sudo_commands": sudo_rules.parse_sudo_commands,
    "F:sudo_rules": sudo_rules.parse_sudo_rules,
    "F:sums_checked": files.parse_sums_checked,
    "F:sysctl": settings.parse_sysctl,
    "F:systemd_delta": startups.parse_systemd_delta,
    "F:timers": schedules.parse_timers,
    "F:tracepath": routes_and_names.parse_tracepath,
    "F:tree": files.parse_tree,
    "F:triggers": services.parse_triggers,
    "F:ufw_active": firewall_zones.parse_ufw_active,
    "F:ufw_status": port_rules.parse_ufw_status,
    "F:unified_diff": texts.parse_unified_diff,
    "F:unit_dependencies": unit_reports.parse_unit_dependencies,
    "F:unit_files": startups.parse_unit_files,
    "F:unpacking": archives.parse_unpacking,
    "F:wc": texts.parse_wc,
    "F:web_errors": webs.parse_web_errors,
    "F:who": users.parse_who,
    "F:wipefs": storage.parse_wipefs,
    "F:xfs_check": filesystems.parse_xfs_check,
    "F:xfs_problems": filesystems.parse_xfs_problems,
    "F:zypper_held": package_sources.parse_zypper_held,
    "F:zypper_history": package_sources.parse_zypper_history,
    "F:zypper_repositories": package_sources.parse_zypper_repositories,
    "F:zypper_search": package_lists.parse_zypper_search,
    "F:zypper_simulation": packages.parse_zypper_simulation,
    "F:zypper_state": packages.parse_zypper_state,
    "F:zypper_upgradable": package_sources.parse_zypper_upgradable,
    "F:zypper_versions": package_lists.parse_zypper_versions,
}
"""Every parser but those of jc, by its name in a pack."""

_JC_NAME = re.compile(r"jc:([a-z][a-z0-9_]*)\Z")


def is_known_parser(name: str) -> bool:
    """Whether a pack may name this parser; `jc:NAME` is looked for without running it.

    >>> is_known_parser("F:df_output"), is_known_parser("jc:proc_uptime"), is_known_parser("jc:nothing")
    (True, True, False)
    """
    match = _JC_NAME.match(name)
    if match is None:
        return name in PARSERS or name in PARSERS_WITH_OPTIONS
    from importlib.util import find_spec

    return find_spec(f"jc.parsers.{match[1]}") is not None


def parse_output(
    parser: str, output: bytes, columns: tuple[Column, ...], options: Mapping[str, str] = NO_OPTIONS
) -> list[Row]:
    r"""Return the rows of `output`, each with every column of `columns` in its type and unit.

    `parser` is a name of `PARSERS`, of `PARSERS_WITH_OPTIONS`, or `jc:NAME`. Raises `ParseError` for output of another form.

    >>> parse_output("kv", b"Timezone=UTC\nNTP=yes\n", (Column("NTP", "boolean"),))
    [{'NTP': True}]
    """
    match = _JC_NAME.match(parser)
    if match is not None:
        return _parse_with_jc(match[1], output, columns)
    if parser in PARSERS_WITH_OPTIONS:
        return PARSERS_WITH_OPTIONS[parser](output, columns, options)
    return PARSERS[parser](output, columns)


@contextmanager
def _without_user_parsers() -> Iterator[None]:
    """Hide the folder from which jc would run every `*.py` when it is first imported (jc 1.26, lib.py)."""
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = "/nonexistent"
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_DATA_HOME"]
        else:
            os.environ["XDG_DATA_HOME"] = before


def _parse_with_jc(name: str, output: bytes, columns: tuple[Column, ...]) -> list[Row]:
    """Load only that one module of jc: about 30 ms, once."""
    from importlib import import_module

    if not output.strip():
        return []
    with _without_user_parsers():
        module = import_module(f"jc.parsers.{name}")
    try:
        parsed = module.parse(decode(output), quiet=True)
    except Exception as error:  # jc's parsers raise whatever their code meets in text that they don't know
        raise ParseError(f"The parser `jc:{name}` can't read the output: {type(error).__name__}: {error}.") from error
    return rows_of(generic.records_of(parsed, f"jc:{name}"), columns)


__all__ = ["PARSERS", "PARSERS_WITH_OPTIONS", "ParseError", "Parser", "convert", "is_known_parser", "parse_output"]
