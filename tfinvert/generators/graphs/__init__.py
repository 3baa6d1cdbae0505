"""A generator's graph: its definition, frozen, and where it can be cut."""
