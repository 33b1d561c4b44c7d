"""The built-in problems: references, known solutions of each, and demonstrations of what is caught."""
