"""A run that learns on a laptop: a tiny model, its corpus and tokenizer, and the story that `make train-demo` plays."""
