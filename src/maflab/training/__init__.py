"""What Hydra and Lightning need from the suite: build from a config, train, evaluate, checkpoint, report.

The only room that knows Hydra and OmegaConf.
"""
