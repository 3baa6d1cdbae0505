"""Experiments that repeat and extend those of the papers, on any generator."""
