"""From a recipe to a trained model: loading, learning, stopping, and the folder that is left."""
