"""Inventories and patterns of every shape mean what they mean to Ansible: groups, members, variables and their types, hosts."""

import json
from pathlib import Path

import pytest

from executors.inventory import Inventory
from tests.support.inventories import (
    HAS_ANSIBLE,
    WHY_NOT,
    ansible,
    hosts_by_pattern,
    listed_by_ansible,
    listed_by_sayso,
    without_marks,
    write_tree,
)

VAULTED = """\
      !vault |
          $ANSIBLE_VAULT;1.1;AES256
          6231323334
          3536
"""

SHAPES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "one host": ({"hosts": "mail.example.com\n"}, ("hosts",)),
    "groups as documented": (
        {
            "hosts": "mail.example.com\n\n[webservers]\nfoo.example.com\nbar.example.com\n\n[dbservers]\n"
            "one.example.com\ntwo.example.com\nthree.example.com\n"
        },
        ("hosts",),
    ),
    "the same in yaml": (
        {
            "hosts.yaml": "ungrouped:\n  hosts:\n    mail.example.com:\nwebservers:\n  hosts:\n    foo.example.com:\n"
            "    bar.example.com:\ndbservers:\n  hosts:\n    one.example.com:\n    two.example.com:\n    three.example.com:\n"
        },
        ("hosts.yaml",),
    ),
    "hosts in several groups, yaml as documented": (
        {
            "hosts.yml": """\
ungrouped:
  hosts:
    mail.example.com:
webservers:
  hosts:
    foo.example.com:
    bar.example.com:
dbservers:
  hosts:
    one.example.com:
    two.example.com:
    three.example.com:
east:
  hosts:
    foo.example.com:
    one.example.com:
    two.example.com:
west:
  hosts:
    bar.example.com:
    three.example.com:
prod:
  children:
    east:
test:
  children:
    west:
"""
        },
        ("hosts.yml",),
    ),
    "nested children as documented": (
        {
            "hosts": """\
[atlanta]
host1
host2

[raleigh]
host2
host3

[southeast:children]
atlanta
raleigh

[southeast:vars]
some_server=foo.southeast.example.com
halon_system_timeout=30
self_destruct_countdown=60
escape_pods=2

[usa:children]
southeast
northeast
southwest
northwest

[northeast]
[southwest]
[northwest]
"""
        },
        ("hosts",),
    ),
    "ranges": (
        {
            "hosts": "[webservers]\nwww[01:50:7].example.com\n[databases]\ndb-[a:f].example.com\n[more]\n"
            "n[1:3]-[a:b]\nk[:3]\nm[08:11]x ansible_port=[1,2]\n"
        },
        ("hosts",),
    ),
    "ranges in yaml": (
        {"r.yml": "webservers:\n  hosts:\n    www[01:10:3].example.com: {a: 1}\n    'db-[a:c]:2200': {}\n"},
        ("r.yml",),
    ),
    "aliases with inline variables": (
        {
            "hosts": "jumper ansible_port=5555 ansible_host=192.0.2.50\n[targets]\n"
            "localhost              ansible_connection=local\n"
            "other1.example.com     ansible_connection=ssh        ansible_user=myuser\n"
            "other2.example.com     ansible_connection=ssh        ansible_user='my other user'\n"
        },
        ("hosts",),
    ),
    "ini values and their types": (
        {
            "hosts": "h1 a=1 b=01 c=1.5 d=True e=true f=None g='x y' h=\"'03#pa33w0rd'\" i=[1,2] j={'k':(1,2)} k=yes "
            "l=0x1f m=1e3 n=-4 o= p='' q=\"a=b\" r=/home/x s=10.0.0.1 t=1_000 u=b'x' v=1+2j w=... x='{{ y }}' y=a,b z=5is\n"
            "[g]\nh1\n[g:vars]\nga = 1\ngb = 01\ngc=True\ngd = 'quoted text' \nge = some words here\ngf={\"a\": 1}\n"
            "gg=8080 # a comment\ngh = word # no comment\ngi=\ngj = a=b=c\n"
        },
        ("hosts",),
    ),
    "comments": (
        {
            "hosts": "# one\n; two\n[g] # three\nh1 # four\nh2 a=1 # five\nh3 a='#six'\n  # seven\n[g:vars]\n;a=1\nb=2\n"
            "[p:children] # eight\ng # nine\n"
        },
        ("hosts",),
    ),
    "ports and addresses": (
        {
            "hosts": "badwolf.example.com:5309\n[g]\n192.0.2.7:2222\n[2001:db8::1]:22\n2001:db8::2\n::1\nweb[1:2]:2200 a=1\n"
            "badwolf.example.com:1\n"
        },
        ("hosts",),
    ),
    "a port that the line sets anew": ({"hosts": "one:22 ansible_port=23\ntwo\n[g]\ntwo:99\n"}, ("hosts",)),
    "variables of parents": (
        {
            "hosts": "[aa]\none x=host\ntwo\n[zz:children]\naa\n[aa:vars]\nv=inner\nx=inner\n[zz:vars]\nv=outer\nw=outer\n"
            "[all:vars]\nv=all\nw=all\nu=all\n"
        },
        ("hosts",),
    ),
    "siblings by name and priority": (
        {
            "hosts": "[a_group]\none\n[b_group]\none\n[c_group]\none\n[a_group:vars]\nv=a\nw=a\nansible_group_priority=10\n"
            "[b_group:vars]\nv=b\nw=b\n[c_group:vars]\nv=c\nu=c\n"
        },
        ("hosts",),
    ),
    "priority in yaml": (
        {
            "p.yml": "a_group: {vars: {testvar: a, ansible_group_priority: 10}, hosts: {one: }}\n"
            "b_group: {vars: {testvar: b}, hosts: {one: }}\n"
        },
        ("p.yml",),
    ),
    "a deep family": (
        {
            "hosts": "[l1:children]\nl2\n[l2:children]\nl3\n[l3:children]\nl4\n[l4]\nh\n[side]\nh\n[l1:children]\nside\n"
            "[l4:vars]\nv=l4\n[side:vars]\nv=side\nw=side\n[l2:vars]\nw=l2\nv=l2\n"
        },
        ("hosts",),
    ),
    "hosts straight in all": ({"a.yml": "all:\n  hosts:\n    one:\n    two: {x: 1}\n  vars: {y: 2}\n"}, ("a.yml",)),
    "all, ungrouped and empty groups": (
        {
            "hosts": "[all]\none\n[ungrouped]\ntwo\nthree\n[empty]\n[parent:children]\nempty\n[g]\nthree\n[lonely:children]\n"
        },
        ("hosts",),
    ),
    "yaml with nulls and bare names": (
        {
            "n.yml": "g:\n  hosts: one\n  children: k\n  vars:\nk:\n  hosts:\n    two: null\n    three: {}\nempty:\nall:\n  children:\n"
        },
        ("n.yml",),
    ),
    "yaml types": (
        {
            "t.yml": "all:\n  hosts:\n    one:\n      a: yes\n      b: 'yes'\n      c: 010\n      d: 1e3\n      e: 1.5\n      f: ~\n"
            "      g: [1, {h: i}]\n      j: 2024-01-02\n      k: 12:30\n      l: !unsafe '{{ x }}'\n      m: |\n        two\n        lines\n"
            "      n: '{{ jinja }}'\n      o: off\n      p: 2024-01-02 03:04:05\n"
        },
        ("t.yml",),
    ),
    "yaml anchors": (
        {
            "anchors.yml": "x: &shared {vars: {a: 1, b: {c: 2}}}\ny:\n  <<: *shared\n  hosts: {one: &vars {k: 1}, two: *vars}\nx2: *shared\n"
        },
        ("anchors.yml",),
    ),
    "vaulted values": (
        {"v.yml": f"g:\n  hosts:\n    one:\n  vars:\n    plain: 1\n    secret:\n{VAULTED}"},
        ("v.yml",),
    ),
    "yaml without an extension": ({"inv": "all:\n  hosts:\n    one: {a: 1}\n"}, ("inv",)),
    "ini in a file called yml": ({"inv.yml": "[g]\none a=1\n"}, ("inv.yml",)),
    "json": ({"inv.json": '{"g": {"hosts": {"one": {"a": 1e3, "b": "x"}}, "vars": {"c": [1]}}}'}, ("inv.json",)),
    "toml": (
        {
            "inv.toml": '[all.vars]\nhas_java = false\n\n[web]\nchildren = ["apache"]\nvars = { http_port = 8080 }\n'
            "[web.hosts]\nhost1 = {}\nhost2 = { ansible_port = 222 }\n[apache.hosts]\ntomcat1 = {}\n"
        },
        ("inv.toml",),
    ),
    "group names with dashes and dots": (
        {"hosts": "[web-servers]\none\n[db.main]\ntwo\n[web-servers:vars]\na=1\n"},
        ("hosts",),
    ),
    "a group and a host of one name": (
        {"hosts": "[db]\ndb ansible_host=192.0.2.1\nother\n[web]\nweb1 a=1\nweb a=2\n"},
        ("hosts",),
    ),
    "a host named again and again": (
        {"hosts": "one a=1 b=1\n[g]\none b=2 c=2\n[h]\none c=3\none\n[g]\ntwo\n"},
        ("hosts",),
    ),
    "group_vars and host_vars": (
        {
            "hosts": "[web]\none inline=line both=line\ntwo\n[db]\nthree\n[site:children]\nweb\ndb\n[web:vars]\nw=ini\nsame=ini\n"
            "[all:vars]\na=ini\nsame=all\n",
            "group_vars/all.yml": "a: file\nz: all\nsame: allfile\n",
            "group_vars/web": "same: webfile\nlist: [1, 2]\n",
            "group_vars/site.yaml": "same: sitefile\ns: 1\nz: site\n",
            "group_vars/db/10-first.yml": "d: first\ne: first\n",
            "group_vars/db/20-second.json": '{"d": "second"}',
            "group_vars/db/.hidden.yml": "d: hidden\n",
            "group_vars/db/30-backup.yml~": "d: backup\n",
            "group_vars/db/40-other.txt": "d: other\n",
            "group_vars/db/deeper/more": "f: deep\n",
            "host_vars/one.yml": "both: file\nh: 1\n",
            "host_vars/two.json": '{"h": 2, "date": "2024-01-01"}',
            "host_vars/two.yml": "h: yml\n",
            "host_vars/nobody.yml": "x: 1\n",
            "group_vars/empty.yml": "",
        },
        ("hosts",),
    ),
    "group_vars/all as a folder": (
        {
            "inv/hosts": "[g]\none\n",
            "inv/group_vars/all/main.yml": "a: 1\n",
            "inv/group_vars/all/vault.yml": "b: 2\n",
            "inv/group_vars/g.yml": "a: g\n",
            "inv/group_vars/ungrouped.yml": "u: 1\n",
        },
        ("inv/hosts",),
    ),
    "a folder of inventories": (
        {
            "inv/01-static": "[g]\none a=1\n",
            "inv/02-more.yml": "g: {hosts: {two: }, vars: {v: 2}}\nh: {children: {g: }}\n",
            "inv/03-children.ini": "[site:children]\nh\n[site:vars]\nw=3\n",
            "inv/04-ignored.cfg": "never\n",
            "inv/05-ignored~": "never\n",
            "inv/06-ignored.md": "never\n",
            "inv/07.retry": "never\n",
            "inv/.hidden": "never\n",
            "inv/sub/08-below": "[deep]\nthree\n",
            "inv/group_vars/g.yml": "v: file\n",
            "inv/host_vars/two": "hv: 1\n",
            "inv/sub/group_vars/deep.yml": "never: 1\n",
        },
        ("inv",),
    ),
    "several sources": (
        {
            "one/hosts": "[web]\nw1 v=one p=one\n[web:vars]\ng=one\n",
            "one/group_vars/web.yml": "f: one\nonly: one\n",
            "one/host_vars/w1.yml": "hv: one\n",
            "two/hosts.yml": "web: {hosts: {w1: {v: two}, w2: }, vars: {g: two}}\nsite: {children: {web: }}\n",
            "two/group_vars/web.yml": "f: two\n",
            "two/group_vars/site.yml": "only: site\n",
            "two/host_vars/w1.yml": "hv: two\n",
        },
        ("one/hosts", "two/hosts.yml"),
    ),
    "several sources, the other way round": (
        {
            "one/hosts": "[web]\nw1 v=one\n[other]\nw3\n",
            "two/hosts.yml": "web: {hosts: {w1: {v: two}, w2: }}\n",
        },
        ("two/hosts.yml", "one/hosts"),
    ),
    "declared after it was named": (
        {
            "hosts": "[parent:children]\nmiddle\n[grand:children]\nparent\n[middle:children]\nleaf\n[leaf]\none\n"
            "[grand:vars]\nv=1\n"
        },
        ("hosts",),
    ),
    "unicode": ({"hosts": "[straße]\nmünchen stadt='Größe'\n"}, ("hosts",)),
    "windows line ends": ({"hosts": "[g]\r\none a=1\r\n[g:vars]\r\nb=2\r\n"}, ("hosts",)),
}


@pytest.mark.skipif(not HAS_ANSIBLE, reason=WHY_NOT)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_inventory_says_what_it_says_to_ansible(shape: str, tmp_path: Path) -> None:
    files, sources = SHAPES[shape]
    write_tree(tmp_path, files)
    theirs = listed_by_ansible(tmp_path, sources)
    ours = listed_by_sayso(Inventory.load([tmp_path / source for source in sources], []))
    assert json.dumps(ours, indent=1, sort_keys=True) == json.dumps(without_marks(theirs), indent=1, sort_keys=True)


FLEET = """\
lonely
localhost ansible_connection=local
[web]
web[1:6]
[db]
db[1:3].example
[staging]
web[1:3]
db1.example
[cache-nodes]
c1
web1
[site:children]
web
db
[webstaff]
s1
"""

PATTERNS = (
    "all", "*", "web", "web1", "web,db", "web:db", "web:&staging", "web:&staging:!web3", "!web", "&staging", "all:!web:!lonely",
    "web,&staging,!web3", "!web3,web,&staging", "web[0]", "web[-1]", "web[0:2]", "web[2:]", "web[1:1]", "web*", "web?", "*.example",
    "db[13].example", "~web[12]$", "~(web|db)[1-2]", "web*[0]", "site", "site:!db1.example", "ungrouped", "db1.example,web1,db1.example",
    "cache-nodes", "web:&cache-nodes", "cache-nodes:web1", "web,web1", "localhost", "all[0:1]", "staging[1],web[5]", "c*", "w*:!webstaff",
    "web[0:1],!web1", " web1 , db ", "db[1:2]",
)  # fmt: skip


@pytest.mark.skipif(not HAS_ANSIBLE, reason=WHY_NOT)
def test_a_pattern_means_the_hosts_that_it_means_to_ansible(tmp_path: Path) -> None:
    write_tree(tmp_path, {"hosts": FLEET})
    inventory = Inventory.load([tmp_path / "hosts"], [])
    # A play for each pattern in one process: half a second each would be too long. It tells them in no order.
    theirs = hosts_by_pattern(tmp_path, "hosts", PATTERNS)
    assert {pattern: sorted(inventory.members(pattern)) for pattern in PATTERNS} == theirs


@pytest.mark.skipif(not HAS_ANSIBLE, reason=WHY_NOT)
@pytest.mark.parametrize("pattern", ["all", "!web3,db,web,&site", "web*,lonely", "db1.example,web1,db"])
def test_hosts_come_in_the_order_in_which_ansible_has_them(pattern: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"hosts": FLEET})
    theirs = ansible(tmp_path, "ansible", pattern, "-i", "hosts", "--list-hosts")
    assert list(Inventory.load([tmp_path / "hosts"], []).members(pattern)) == [
        line.strip() for line in theirs.splitlines()[1:]
    ]


@pytest.mark.skipif(not HAS_ANSIBLE, reason=WHY_NOT)
def test_a_file_of_hosts_limits_as_in_ansible(tmp_path: Path) -> None:
    write_tree(tmp_path, {"hosts": FLEET, "failed.retry": "web2\n\ndb*\n!db3.example\n"})
    inventory = Inventory.load([tmp_path / "hosts"], [])
    theirs = ansible(tmp_path, "ansible", "all", "-i", "hosts", "--limit", "@failed.retry", "--list-hosts")
    assert set(inventory.members(f"@{tmp_path}/failed.retry")) == {line.strip() for line in theirs.splitlines()[1:]}
