"""From exact totals, sampled addresses and compiled code to the facts of a launch."""
