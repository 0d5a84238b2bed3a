"""Ansible content that intents name, and the loader that knows what is there."""
