"""From the problems of a batch to the rows that are learned from, by rules that each can be left off."""
