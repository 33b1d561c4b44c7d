"""Which addresses programs access, found out without doing what they do."""
