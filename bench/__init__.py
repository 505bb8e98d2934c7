"""Measurements of Mercato, each of which prints its figure or its ratio to a peer."""
