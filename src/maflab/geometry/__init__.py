"""Rotations, cameras, crops and alignment: pure functions, no state."""
