"""Throws hostile data at everything that reads what a candidate, its sandbox or a worker has sent.

A target turns bytes into hostile data and hands that to our code; it fails if anything but the documented errors comes
out, or if it takes more time than its bound. `python -m tests.fuzzing` runs campaigns, guided by coverage;
`test_fuzzing.py` runs a few seconds of each target.
"""
