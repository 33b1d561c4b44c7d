"""The built-in problems: twelve references, known solutions of each, and demonstrations of what is caught."""
