"""Files that are written whole, locked, and checked against a manifest."""
