"""The catalogue with a person's trusted packs, and an intent of it by its name."""

from intents.catalogue import Catalogue
from intents.errors import RequestError
from intents.intent import Intent
from shell.environment import Environment
from shell.pack_trust import trusted_packs


def load_catalogue(environment: Environment) -> Catalogue:
    """Return the catalogue with the person's trusted packs. Raises `CatalogueError`."""
    packs, _ = trusted_packs(environment.paths.config, environment.uid)
    return Catalogue.load(cache_directory=environment.paths.cache, user_packs=packs)


def intent_called(name: str, catalogue: Catalogue) -> Intent:
    """Return the intent. Raises `RequestError`, naming the closest, when there is none."""
    intent = catalogue.get(name)
    if intent is None:
        closest = catalogue.closest(name)
        raise RequestError(
            f"There is no intent `{name}`.",
            remedy=f"Did you mean `{closest}`?" if closest else "`sayso intents` lists them all.",
        )
    return intent
