"""What a recipe will do, before it does it: batches, memory, evaluations."""
