"""Network methods: from moments of expression to weights of edges."""
