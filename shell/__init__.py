"""Everything that talks to people and scripts: command line, REPL, rendering, the session."""
