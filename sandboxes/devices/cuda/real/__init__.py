"""A GPU that is there: torch, Triton's launcher, the driver, the profiler, NVML."""
