"""The package behind the book “GANs, Proved and Played”.

Small modules, one job each: `theory` (what needs no training), `data`, `models`, `losses`,
`train` (the loop), `plots` and `widgets` (what the reader sees).
"""
