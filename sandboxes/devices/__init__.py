"""Where a trace is replayed: the CPU (executor and hardware model) or a real GPU."""
