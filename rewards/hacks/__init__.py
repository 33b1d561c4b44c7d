"""Detectors of reward hacks, working on the dataflow of a trace."""
