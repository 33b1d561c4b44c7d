"""The hack benchmark's corpus before other judges: `python -m benchmarks.judges --kernelbench CHECKOUT`."""
