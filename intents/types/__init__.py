"""Parameter types: one class each."""
