"""Synthetic people: seeded, labelled pictures of the licence-free body, written as packs."""

from maflab.data.synthetic.generate import generate_pack
from maflab.data.synthetic.recipe import Recipe
from maflab.data.synthetic.sheet import contact_sheet

__all__ = ["Recipe", "contact_sheet", "generate_pack"]
