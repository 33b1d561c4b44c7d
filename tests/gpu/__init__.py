"""What only a GPU can show. Every test is also rehearsed on a simulated one (`slow`), so that it is known to work."""
