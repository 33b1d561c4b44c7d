"""What orders are given to: one engine for one process tree, one for many machines."""
