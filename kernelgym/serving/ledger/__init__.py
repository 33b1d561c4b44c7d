"""Where jobs are kept: in Redis for several machines, in memory (and a file) for one process tree."""
