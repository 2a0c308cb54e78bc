"""Files that are written completely or not at all, locked, and checked against a manifest; tables; modules."""
