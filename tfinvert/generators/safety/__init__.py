"""The gate that a model file passes before any reader sees it, and the process in which it is tried first.

`allowed.py` lists what a file may name, `config.py` holds a model's config against it, `weights.py` copies its arrays,
`archive.py` takes the parts of a zip archive, `process.py` runs what may take too long, too much memory, or crash.
"""
