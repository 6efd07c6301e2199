"""Expression as a regression problem: cells in blocks, their moments, names of genes, known edges."""
