"""What a person said that a sentence means: kept as examples of their intents, which work at once.

A correction only makes an intent likelier for sentences like it; what may be done, and the questions about it, stay.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from intents.errors import ModelError
from intents.private_file import write_atomically

CORRECTIONS = "corrections.json"
MOST_CORRECTIONS = 500


def corrections(config: Path) -> Mapping[str, str]:
    """Return sentence -> intent. Raises `ModelError` for a file that can't be read."""
    path = config / CORRECTIONS
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError):
        kept = None
    if not isinstance(kept, dict) or not all(isinstance(intent, str) for intent in kept.values()):
        raise ModelError(f"The corrections in {path} can't be read.", remedy="Mend the file or remove it.")
    return {str(sentence): str(intent) for sentence, intent in kept.items()}


def correct(config: Path, sentence: str, intent: str) -> None:
    """Keep that `sentence` means `intent`. Raises `ModelError` where no more fit, or the file can't be written."""
    kept = {**corrections(config), sentence: intent}
    if len(kept) > MOST_CORRECTIONS:
        raise ModelError(
            f"There are {MOST_CORRECTIONS} corrections already.",
            remedy=f"Remove old ones from {config / CORRECTIONS}, or write a pack with examples.",
        )
    write_atomically(config / CORRECTIONS, json.dumps(kept, indent=1, ensure_ascii=False).encode())
    if corrections(config).get(sentence) != intent:
        raise ModelError(f"{config / CORRECTIONS} can't be written.", remedy="Check its folder.")
