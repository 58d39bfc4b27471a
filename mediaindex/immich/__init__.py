"""Beside Immich: whose archive it is, which photos are ours, what it knows, what we write."""
