"""10,000 mixed evaluations over HTTP while something breaks every 20 seconds: `python -m benchmarks.soak`."""
