"""Functional formulas of the field's metrics, and thin torchmetrics over them."""
