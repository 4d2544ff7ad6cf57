"""Packs of labelled person crops, their augmentation and mixing, and the synthetic people of the default."""
