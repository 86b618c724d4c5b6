"""Experiments that train in the page: `step` (pure PyTorch) and its translation to JavaScript."""
