"""A read of all hosts with parallel-ssh, which checks no host key: connects and reads once.

parallel_ssh_client.py FLEET.json cold
"""

import json
import sys
from pathlib import Path

from pssh.clients import ParallelSSHClient
from pssh.config import HostConfig

FLEET = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
hosts = FLEET["hosts"]
client = ParallelSSHClient(
    ["127.0.0.1"] * len(hosts),
    host_config=[HostConfig(port=host["port"], user=FLEET["user"], private_key=FLEET["key"]) for host in hosts],
    pool_size=len(hosts),
    allow_agent=False,
)
for output in client.run_command(FLEET["command"]):
    for line in output.stdout:
        sys.stdout.write(line + "\n")
