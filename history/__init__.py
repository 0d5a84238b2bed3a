"""The audit store: an append-only event log that remembers every request and every step."""
