"""Synthetic people: seeded, labelled pictures of the licence-free body, written as packs."""
