"""Fixed points, cycles and basins of a drift, and how they change with a parameter."""
