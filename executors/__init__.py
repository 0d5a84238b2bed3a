"""How a vetted intent is carried out: facts, plans, diffs, policy, and how a host is reached."""
