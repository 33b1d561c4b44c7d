"""Learning from episodes: what a trainer plays, which turns it learns from, and how much each is worth."""
