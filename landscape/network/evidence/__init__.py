"""Evidence for single edges: bootstraps, decoys, moderated variances; and scores against known edges."""
