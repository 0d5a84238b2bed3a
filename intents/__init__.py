"""What may be done, and how English is mapped to it.

The catalogue of vetted intents, their parameter types, the operations on rows, and the
interpreter with its model. Nothing here runs a command or talks to a host.
"""
