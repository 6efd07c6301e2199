"""Minimum-action paths, the barriers along them, and the network of transitions between attractors."""
