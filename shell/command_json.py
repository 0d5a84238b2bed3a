"""What the commands besides requests print with `--json`: JSON Lines, each object named after its command.

`shell/schema/sayso-commands-1.schema.json` describes them. Fields may be added, never changed, within a version.
"""

import json
from collections.abc import Mapping

from intents.values import Json
from shell.environment import Environment

SCHEMA_VERSION = 1


def write_json(environment: Environment, command: str, fields: Mapping[str, Json]) -> None:
    """Print one object as a line of stdout, in ASCII, so that no locale and no control character can break it."""
    line = {"schema": SCHEMA_VERSION, "command": command, **fields}
    environment.stdout.write(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n")
