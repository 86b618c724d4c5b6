"""Experiments that train in the page: `step` (pure PyTorch) and its translation to JavaScript.

Each figure is a module that names its kernels, options, caption and scripts. `page` makes HTML of
it, `directive` brings it into the book, `show` into a notebook.
"""

from ganbook.live.page import show

__all__ = ["show"]
