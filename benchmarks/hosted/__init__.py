"""A private service for benchmarks: Redis, workers, API, a proxy before it; every process of it ends with its owner."""
