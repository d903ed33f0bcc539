"""How fast the connector is: `python -m dev.bench DATABASE [PART]`."""
