"""Readers of the field's label files: each gives `Person` records, which preparation turns into packs."""
