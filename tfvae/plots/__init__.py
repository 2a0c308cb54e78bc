"""Figures: one figure, one file. None needs a display, and none changes the user's matplotlib backend."""
