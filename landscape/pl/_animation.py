"""Film of cells that roll down the landscape of the fitted model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.animation import FFMpegWriter, FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from landscape import _keys, get
from landscape._anndata import require_adata
from landscape._files import write_atomic
from landscape._random import RandomLike, generator
from landscape.pl._landscape import landscape
from landscape.pl.scene.cells import MISSING, categorical_palette
from landscape.pl.scene.places import development_direction
from landscape.pl.scene.relief import Relief
from landscape.pl.scene.view import View, read_view, relief_of
from landscape.pl.style.figure import INK

# Frames in the tail of a ball.
_TAIL = 6
# Standard deviation of the smoothing of places over time, in frames.
_SMOOTHING = 1.5
# Balls set off one after the other over this share of the film: the first third.
_DEPARTURES = 3
# Where the direction names no start cells, balls start from this share of the cells: the fiftieth part, or at least 20.
_FARTHEST, _MIN_FARTHEST = 50, 20
# Colours in a GIF, and the pixels along a side that each colour of a ball takes in the picture of its palette.
_GIF_COLOURS, _SWATCH = 256, 60


@dataclass(frozen=True)
class RollingCells:
    """Cells over time: places, visibility and colours.

    Attributes
    ----------
    where
        Places in the plane, shape ``(n_frames, n, 2)``.
    paper
        Places on paper, same shape.
    seen
        Whether each is on the drawing and not hidden, shape ``(n_frames, n)``.
    rgba
        Colours, shape ``(n, 4)``.
    """

    where: NDArray[np.float64]
    paper: NDArray[np.float64]
    seen: NDArray[np.bool_]
    rgba: NDArray[np.float64]


def animate(
    adata: AnnData,
    *,
    save: str | Path | None = None,
    n_cells: int = 60,
    n_frames: int = 100,
    fps: int = 20,
    duration: float | None = None,
    basis: str | None = None,
    occupancy_key: str = _keys.OCCUPANCY,
    size: float = 40.0,
    dpi: int = 80,
    title: str | None = None,
    rng: RandomLike = 0,
) -> FuncAnimation | None:
    """Animate trajectories of the fitted model on the landscape: cells that roll down from the start cells.

    Trajectories are those of :func:`landscape.get.trajectories`, noise included. Each is placed among the cells nearest to
    its states, smoothed over three frames, and has the colour of the attractor nearest to its end. Cells set off one after
    the other. The same seed gives the same film.

    Parameters
    ----------
    adata
        Annotated data with a model (:func:`landscape.tl.dynamics`) and heights (:func:`landscape.tl.occupancy`).
    save
        File to write: ``.gif``, or ``.mp4`` where ffmpeg is installed (also by ``pip install imageio-ffmpeg``).
    n_cells, n_frames, fps
        Number of cells, number of frames, and frames per second.
    duration
        Time that is simulated, in the unit of the model; ``None``: as for the heights.
    basis, occupancy_key, title
        As in :func:`landscape`.
    size
        Area of a cell's ball in square points.
    dpi
        Dots per inch of the film.
    rng
        Seed of the trajectories and of the departures.

    Returns
    -------
    :class:`matplotlib.animation.FuncAnimation`, or ``None`` if it was saved. In a notebook,
    ``IPython.display.HTML(film.to_jshtml())`` shows it.

    Raises
    ------
    KeyError
        If the model or the heights are missing.
    ValueError
        If the ending of ``save`` is neither ``.gif`` nor ``.mp4``, if ffmpeg is missing for the latter, or if ``duration``
        is neither given nor known.
    """
    require_adata(adata)
    writer = _writer(save, fps)
    view = read_view(
        adata, color=None, basis=basis, occupancy_key=occupancy_key, layer=None, palette=None, cmap="viridis",
        n_cells=None, labels=True, paths=False, rng=rng,
    )  # fmt: skip
    relief, _, _ = relief_of(view)
    balls = rolling_cells(adata, view, relief, n_cells=n_cells, n_frames=n_frames, duration=duration, rng=rng)
    still = landscape(
        adata, color=_keys.BASIN if _keys.BASIN in adata.obs else None, basis=basis, occupancy_key=occupancy_key,
        n_cells=0, paths=False, title=title, return_fig=True,
    )  # fmt: skip
    figure, ax, paper_to_pixels = _backdrop(still, dpi)
    show = _stage(ax, balls, paper_to_pixels(balls.paper), size)
    if save is not None and writer is None:
        write_atomic(Path(save), lambda target: _write_gif(target, figure, show, n_frames, fps, balls.rgba))
    elif save is not None:
        film = FuncAnimation(figure, show, frames=n_frames, interval=1000 / fps, blit=False)
        write_atomic(Path(save), lambda target: film.save(str(target), writer=writer, dpi=dpi))
    if save is not None:
        plt.close(figure)
        return None
    return FuncAnimation(figure, show, frames=n_frames, interval=1000 / fps, blit=False)


def _write_gif(target: Path, figure: Any, show: Callable[[int], Any], n_frames: int, fps: int, swatches: Any) -> None:
    """Write frames with one palette of 256 colours, so that colours do not flicker and unchanged parts take no room."""
    from PIL import Image

    frames = []
    for frame in range(n_frames):
        show(frame)
        figure.canvas.draw()
        frames.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()))
    some = frames[:: max(1, n_frames // 4)]
    mosaic = Image.new("RGB", (frames[0].width, frames[0].height * len(some)))
    for i, picture in enumerate(some):
        mosaic.paste(picture, (0, i * picture.height))
    # Balls are small; without some room for each of their colours, these would be merged with others.
    for i, colour in enumerate(sorted(set(map(tuple, np.round(255 * swatches[:, :3]).astype(int).tolist())))):
        mosaic.paste(colour, (0, _SWATCH * i, _SWATCH, _SWATCH * (i + 1)))
    palette = mosaic.quantize(_GIF_COLOURS, method=Image.Quantize.MEDIANCUT)
    first, *rest = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in frames]
    first.save(target, format="GIF", save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)


def _writer(save: str | Path | None, fps: int) -> FFMpegWriter | None:
    """Writer of a film, or ``None`` for a GIF."""
    ending = Path(save).suffix.lower() if save is not None else ".gif"
    if ending == ".gif":
        return None
    if ending != ".mp4":
        msg = f"Expected a file that ends in .gif or .mp4, found {str(save)!r}."
        raise ValueError(msg)
    program = _ffmpeg()
    if program is None:
        msg = (
            "Films in .mp4 need ffmpeg, which is not on the path: install it with your system (`apt install ffmpeg`, "
            "`conda install ffmpeg`) or with `pip install imageio-ffmpeg`, or save a .gif."
        )
        raise ValueError(msg)

    class Writer(FFMpegWriter):
        """Writer that starts the program that was found, without a change to the settings of matplotlib."""

        @classmethod
        def bin_path(cls) -> str:
            return program

    # Readable by browsers and office programs; without the date, so that the same seed gives the same file.
    return Writer(fps=fps, codec="h264", extra_args=["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-bitexact"])


def _ffmpeg() -> str | None:
    """Path of ffmpeg: the one in the settings of matplotlib, else the one in the package imageio-ffmpeg."""
    if (found := shutil.which(mpl.rcParams["animation.ffmpeg_path"])) is not None:
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def rolling_cells(
    adata: AnnData,
    view: View,
    relief: Relief,
    *,
    n_cells: int,
    n_frames: int,
    duration: float | None,
    rng: RandomLike,
) -> RollingCells:
    """Trajectories of the model in the plane and on the relief, each from its departure on."""
    random = generator(rng)
    if duration is None:
        duration = view.record.get("params", {}).get("duration")
    states = get.trajectories(
        adata, n_cells=n_cells, n_times=n_frames, duration=duration, cells=_start_cells(adata, view), rng=random
    ).states.numpy()
    flat_states = pd.DataFrame(states.reshape(-1, states.shape[-1]), columns=list(get.model(adata).regulators))
    where = get.values_at_states(adata, states=flat_states, values=view.where)[0].reshape(n_frames, n_cells, 2)
    delay = np.sort(random.integers(0, max(1, n_frames // _DEPARTURES), n_cells))
    frame = np.clip(np.arange(len(where))[:, None] - delay, 0, None)
    where = gaussian_filter1d(where[frame, np.arange(n_cells)], _SMOOTHING, axis=0, mode="nearest")
    flat = where.reshape(-1, 2)
    turned, lifted = relief.camera.turned(flat), relief.camera.lift(relief.heights.at(flat))
    seen = ((np.abs(turned) <= 1).all(1) & relief.visible(turned, lifted)).reshape(where.shape[:2])
    paper = relief.camera.see(turned, lifted)[0].reshape(where.shape)
    return RollingCells(
        where, paper, seen & (np.arange(len(where))[:, None] >= delay), _colours(adata, view, where[-1])
    )


def _start_cells(adata: AnnData, view: View) -> NDArray[np.int64] | None:
    """``None`` for the start cells that the direction names; where it names none, the cells that lie farthest uphill."""
    if _keys.START in adata.obs and adata.obs[_keys.START].to_numpy(dtype=bool).any():
        return None
    turn, _ = development_direction(adata, view.where, view.basis)
    down = view.where @ np.array([np.cos(turn), np.sin(turn)])
    return np.argsort(down, kind="stable")[: max(_MIN_FARTHEST, len(down) // _FARTHEST)]


def _colours(adata: AnnData, view: View, last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colour of the attractor nearest to each place, shape ``(n, 4)``."""
    if not view.places or _keys.BASIN not in adata.obs:
        return np.tile(to_rgba_array(INK), (len(last), 1))
    palette = categorical_palette(adata, _keys.BASIN)
    points = np.array([place.point for place in view.places])
    nearest = np.linalg.norm(last[:, None] - points[None], axis=-1).argmin(1)
    return to_rgba_array([palette.get(view.places[i].name, MISSING) for i in nearest])


def _backdrop(still: Any, dpi: int) -> tuple[Any, Axes, Any]:
    """Figure with a picture of the relief behind empty axes, and the map from paper to its pixels."""
    still.set_dpi(dpi)
    still.canvas.draw()
    picture = np.asarray(still.canvas.buffer_rgba()).copy()
    tall = picture.shape[0]
    transform = still.axes[0].transData.frozen()
    plt.close(still)
    figure = plt.figure(figsize=(picture.shape[1] / dpi, tall / dpi), dpi=dpi)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.imshow(picture, extent=(0, picture.shape[1], 0, tall), aspect="auto", interpolation="nearest")
    ax.set_xlim(0, picture.shape[1])
    ax.set_ylim(0, tall)
    ax.axis("off")

    def to_pixels(paper: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(transform.transform(paper.reshape(-1, 2))).reshape(paper.shape)

    return figure, ax, to_pixels


def _stage(ax: Axes, balls: RollingCells, pixels: NDArray[np.float64], size: float) -> Callable[[int], list[Any]]:
    """Draw balls and their tails on the backdrop; returns the function that shows a frame."""
    dark = balls.rgba.copy()
    dark[:, :3] *= 0.5
    tails = ax.scatter([], [], s=size / 6, linewidths=0, zorder=2)
    drawn = ax.scatter([], [], s=size, linewidths=0.6, zorder=3)
    drawn.set_gid("balls")

    def show(frame: int) -> list[Any]:
        seen = balls.seen[frame]
        drawn.set_offsets(pixels[frame][seen])
        drawn.set_facecolor(balls.rgba[seen])
        drawn.set_edgecolor(dark[seen])
        first = max(0, frame - _TAIL)
        old = balls.seen[first:frame]
        faded = np.broadcast_to(balls.rgba, (*old.shape, 4)).copy()
        faded[..., 3] = np.linspace(0.1, 0.5, len(old))[:, None] if len(old) else 0.0
        tails.set_offsets(pixels[first:frame][old])
        tails.set_facecolor(faded[old])
        return [tails, drawn]

    return show
