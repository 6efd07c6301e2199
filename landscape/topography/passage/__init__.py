"""First passages between attractors: committors, times, rates and the weights that follow."""
