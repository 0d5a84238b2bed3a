"""A person who types passwords."""


class Typist:
    """Types the given passwords, one after another; then nobody answers."""

    def __init__(self, *passwords: str) -> None:
        self.passwords = list(passwords)
        self.prompts: list[str] = []

    def ask_password(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.passwords.pop(0) if self.passwords else None
