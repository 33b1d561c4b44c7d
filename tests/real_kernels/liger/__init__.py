"""Candidates that call Liger-Kernel; `_tape.py` is put in front of those that need it."""
