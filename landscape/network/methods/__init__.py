"""Methods that turn moments of expression into weights of edges."""
