"""Where an account's home directory is, on any host."""

from executors.transport import Transport
from intents.errors import StepError
from intents.types.visible import excerpt

_PASSWD_FIELDS = 7


def home_of(transport: Transport, account: str) -> str:
    """Return the home directory that the host's account database gives (passwd(5), sixth field).

    Raises `StepError` for an account that isn't there or has none.
    """
    completed = transport.run(("getent", "passwd", account), timeout_s=20.0)
    fields = completed.stdout.decode("utf-8", "surrogateescape").partition("\n")[0].split(":")
    if len(fields) != _PASSWD_FIELDS or not fields[5].startswith("/"):
        raise StepError(
            f"{excerpt(account)} has no home directory on {transport.host}.",
            remedy="Check the account, and give it one.",
            host=transport.host,
        )
    return fields[5]
