"""Human mesh recovery with a pyramidal mesh alignment feedback (MAF) loop."""
