"""What is kept of episodes and runs: records, the folder they are in, and reading it back."""
