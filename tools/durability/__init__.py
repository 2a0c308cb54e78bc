"""Interrupts and damages trainings as machines and people do, and compares how they end with an undisturbed one."""
