"""Why a launch takes its time, and what would help: the same facts with one thing changed, priced again."""
