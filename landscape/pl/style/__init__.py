"""How figures look: sizes, palettes, captions, labels, places on a circle."""
