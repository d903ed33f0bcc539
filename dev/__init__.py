"""The workshop: everything a machine needs to run, test and measure the add-on.

What `python3 -m dev` imports is the standard library alone: it runs before anything is installed.
"""
