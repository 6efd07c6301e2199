"""Fates of cells: fate probabilities of the chain and of the model, and outcomes of ensembles of a model."""
