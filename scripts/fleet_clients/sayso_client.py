"""Reads of all hosts in one session of sayso, whose connections stay open; the first of them connects and isn't counted.

    sayso_client.py OPTIONS... INTENT ROUNDS

Prints the milliseconds of each round as JSON on the last line.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from shell.answering import Answering
from shell.cli import parse_arguments
from shell.environment import Environment

*arguments, intent, rounds = sys.argv[1:]
times_ms = []
with Answering(Environment.of_process(), parse_arguments(arguments).options) as answering:
    for _ in range(int(rounds) + 1):
        started = time.perf_counter()
        response = answering.session.run_intent(intent, [], answering.options)
        times_ms.append((time.perf_counter() - started) * 1000)
        if response.status:
            sys.exit(str(response.fault))
sys.stdout.write(json.dumps(times_ms[1:]) + "\n")
