"""Make the figures of the gallery from a finished demo: `python docs/make_gallery.py results/demo`.

Each figure is drawn by the call below it on the page, and stored with 200 colours to limit its size.
"""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

import anndata as ad
import matplotlib as mpl
from PIL import Image

mpl.use("Agg")

import landscape as ls
from landscape.pl.scene.cells import SAFE

HERE = Path(__file__).parent
# A figure with the call below it.
PAIR = re.compile(r"!\[[^\]]*\]\(_static/gallery/(\w+)\.png\)\n+```python\n(.*?)\n```", re.DOTALL)
MAX_BYTES = 150_000


def main() -> None:
    """Draw every figure of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path, help="folder of `landscape demo`")
    folder = parser.parse_args().demo
    adata = ad.read_h5ad(folder / "landscape.h5ad")
    model = ls.latent.LatentModel.load(folder / "model")
    ls.tl.paths(adata)
    ls.tl.guy_ropes(adata)
    ls.tl.perturb(adata, {"Gata1": 0.0})
    ls.tl.reprogram(adata, "Eklf+Gata1", "Gfi1+Pu1")
    ls.tl.screen(adata, n_doses=2)
    ls.tl.genomic_code(adata, latent_models=[model])
    ls.tl.consensus(adata, models=[adata, *(other_model(adata, seed) for seed in (1, 2))])
    page = (HERE / "gallery.md").read_text(encoding="utf-8")
    store(ls.pl.landscape(adata, show=False, return_fig=True), HERE / "_static" / "landscape.png")  # of the front page
    for name, call in PAIR.findall(page):
        if not call.startswith("ls.pl."):
            continue
        figure = eval(call[:-1] + ", show=False, return_fig=True)", {"ls": ls, "adata": adata, "model": model})
        store(figure, HERE / "_static" / "gallery" / f"{name}.png")


def other_model(adata: ad.AnnData, seed: int) -> ad.AnnData:
    """The same cells with a latent model, a network and a fit of another seed."""
    other = adata.copy()
    latent = ls.latent.LatentModel(other, rng=seed)
    latent.train()
    other.obsm["X_latent"] = latent.get_latent_representation()
    ls.tl.network(other, model=latent, rng=seed)
    ls.tl.dynamics(other, model=latent, direction=ls.dynamics.from_time("day"), rng=seed)
    ls.tl.attractors(other)
    ls.tl.basins(other)
    ls.tl.terminal_states(other)
    ls.tl.fates(other, n_replicates=0)
    return other


def store(figure: mpl.figure.Figure, path: Path) -> None:
    """Write a figure at the highest resolution at which it has at most 150 kB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for dpi in (100, 85, 70, 55):
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=dpi, format="png")
        with Image.open(buffer) as picture:
            plain = picture.convert("RGB")
        # Without some room for them, the palette would lose the colours of categories, whose marks are small.
        sample = Image.new("RGB", (plain.width, plain.height + 60))
        sample.paste(plain, (0, 0))
        for i, colour in enumerate(SAFE):
            sample.paste(colour, (60 * i, plain.height, 60 * i + 60, plain.height + 60))
        palette = sample.quantize(200, method=Image.Quantize.MEDIANCUT)
        plain.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            return
    msg = f"Expected {path.name} to fit into {MAX_BYTES:,} bytes, found {path.stat().st_size:,}."
    raise ValueError(msg)


if __name__ == "__main__":
    main()
