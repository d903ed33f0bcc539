"""The workshop: everything a machine needs to run and test the add-on.

Only the standard library is used here, because this code runs before anything is installed.
"""
