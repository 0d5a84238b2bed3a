"""The version of sayso: this is the one place where it stands."""

VERSION = "0.1.0"
