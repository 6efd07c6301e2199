"""How sure each edge is, and how well a network finds known edges."""
