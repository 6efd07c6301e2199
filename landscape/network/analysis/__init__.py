"""Analysis of a network: activity, degrees, structure, comparison of states, export."""
