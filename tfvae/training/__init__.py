"""Runs an experiment in a folder, and resumes it after an interruption."""
