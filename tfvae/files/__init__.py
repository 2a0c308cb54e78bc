"""Files that are written completely or not at all, locked, and checked; rules of their values; tables; modules."""
