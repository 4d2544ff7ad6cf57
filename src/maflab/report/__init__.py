"""Sweeps -> tables and figures: one page that can be read offline, Markdown and CSV. Knows no Hydra and no torch."""
