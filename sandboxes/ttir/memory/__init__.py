"""Loads, stores, atomics and descriptors: whatever touches a buffer."""
