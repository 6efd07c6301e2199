"""Where an ensemble of a model ends: simulate, relax, label the end."""
