"""Replications of modes, what is estimated across them, and where results are kept."""
