"""Input of a network: expression in blocks of cells, its moments, gene names, prior edges."""
