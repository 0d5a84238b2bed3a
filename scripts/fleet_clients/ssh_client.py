"""Reads of all hosts with OpenSSH over shared connections (ControlMaster) that the first round, uncounted, opens.

    ssh_client.py SSH_CONFIG AT_ONCE ROUNDS HOST... -- COMMAND...

Prints the milliseconds of each round as JSON on the last line, and ends the connections.
"""

import json
import subprocess
import sys
import time

config, at_once, rounds = sys.argv[1:4]
separator = sys.argv.index("--")
hosts, command = sys.argv[4:separator], sys.argv[separator + 1 :]
shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={config}-%n", "-o", "ControlPersist=60"]
argv = ["xargs", "-P", at_once, "-I{}", "ssh", "-F", config, *shared, "{}", *command]
times_ms = []
for _ in range(int(rounds) + 1):
    started = time.perf_counter()
    # A master holds the streams of the call that started it, so the first round is given none that is waited for.
    subprocess.run(
        argv, input="\n".join(hosts), text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    times_ms.append((time.perf_counter() - started) * 1000)
for host in hosts:
    subprocess.run(["ssh", "-F", config, *shared, "-O", "exit", host], check=False, capture_output=True)
sys.stdout.write(json.dumps(times_ms[1:]) + "\n")
