"""An intent that only some hosts know is refused on the others, before anything is read there."""

import os
from pathlib import Path

from shell.exit_status import ExitStatus
from shell.road import Options
from tests.support.sessions import session_in

ENTRY = """
place.look:
  summary: Look at the place
  risk: read
  only: {kernel: [KERNEL]}
  parameters:
    file: {type: path, required: true}
  examples: [look at the place please, what is in that place, a look at the place is wanted, show me the place]
  near_misses: [{text: a place in the sun, intent: null}, {text: placeholders, intent: null}]
  read: {run: [cat, --, "{file}"], parse: text, columns: [{name: line, type: text}]}
"""


def _packs(kernel: str) -> dict[Path, bytes]:
    return {Path("/packs/place.yml"): ENTRY.replace("KERNEL", kernel).encode()}


def test_on_a_host_that_lacks_the_fact_it_is_refused_with_what_the_host_has(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("here\n")
    asked = [("place.look", [f"file={tmp_path}/note"])]
    with session_in(tmp_path, user_packs=_packs("plan9")) as session:
        refused = session.run_intents(asked, Options())
    assert refused.status is not ExitStatus.DONE
    assert refused.fault is not None
    assert "is for hosts with plan9 (kernel); local has" in refused.fault.message


def test_on_a_host_that_has_it_it_runs(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("here\n")
    (tmp_path / "session").mkdir()
    with session_in(tmp_path / "session", user_packs=_packs(os.uname().release)) as session:
        done = session.run_intents([("place.look", [f"file={tmp_path}/note"])], Options())
    assert done.status is ExitStatus.DONE
