"""From TTIR text to the typed IR."""
