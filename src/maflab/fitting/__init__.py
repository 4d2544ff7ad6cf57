"""The optimisation baseline: a body fitted to 2D key points, one picture at a time but many at once."""
