"""Generators made of generators: parts, mixtures, and the same in float64."""
