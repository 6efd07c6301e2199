"""Where cells end: fate probabilities of the chain and of the model, and what becomes of an ensemble of a model."""
