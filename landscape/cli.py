"""The command line, a thin layer over the same functions. Heavy packages are imported inside the commands."""

from __future__ import annotations

import inspect
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape.directions import SOURCES

if TYPE_CHECKING:
    from landscape._run.watch import Event

# Perturbations of a screen that are listed.
N_SHOWN = 20

app = typer.Typer(
    name="landscape",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Epigenetic landscapes from single-cell counts.",
    rich_markup_mode=None,
)

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.", file_okay=False)]
Finished = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.", file_okay=False)]
Input = Annotated[Path, typer.Argument(help="AnnData file (.h5ad, or a zarr folder).")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of linear algebra.")]
Force = Annotated[bool, typer.Option("--force", help="Start over, also in a folder with other contents.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every key that is written.")]
Layer = Annotated[str | None, typer.Option(help='Layer with raw counts, "X" for the main matrix.')]
BatchKey = Annotated[str | None, typer.Option(help="obs column with the batch.")]
LabelKey = Annotated[str | None, typer.Option(help="obs column that names attractors [cell_type].")]
Regulators = Annotated[
    str | None, typer.Option(metavar="TIER|FILE|A,B", help="tf [default], tf+cofactors, or names of regulators.")
]
DropEmpty = Annotated[bool, typer.Option("--drop-empty", help="Drop cells without counts.")]
Round = Annotated[bool, typer.Option("--round", help="Round fractions of molecules to whole counts.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Largest number of epochs of the latent model.")]


LatentModels = Annotated[
    int | None,
    typer.Option(min=1, help="Latent models of different seeds that are used as one [10; fewer for many cells]."),
]


def _with_directions(command: Callable[..., None]) -> Callable[..., None]:
    """Replace ``**directions`` of a command by an option for each setting that names a source of direction."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = inspect.signature(command, eval_str=True).parameters.values()
    listed = [parameter.replace(kind=keyword) for parameter in own if parameter.kind is not parameter.VAR_KEYWORD]
    options = [option for source in SOURCES.values() for option in source.options]
    # In the help they stand with the columns of the data.
    place = 1 + [parameter.name for parameter in listed].index("label_key")
    listed[place:place] = [
        inspect.Parameter(
            option.field,
            keyword,
            default=None,
            annotation=Annotated[str | None, typer.Option(option.flag, help=option.help, metavar=option.metavar)],
        )
        for option in options
    ]
    command.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in listed}
    return command


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Show the version and end.", is_eager=True)] = False,
) -> None:
    """Epigenetic landscapes from single-cell counts."""
    if version:
        import landscape

        typer.echo(landscape.__version__)
        raise typer.Exit


@app.command(short_help="Simulate blood formation and infer its landscape from the counts.")
def demo(
    out: Out,
    max_epochs: Epochs = None,
    n_latent_models: LatentModels = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every stage.")] = 0,
    threads: Threads = None,
    force: Force = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Simulate blood formation (Krumsiek 2011) and infer its landscape from the counts."""
    with _guarded(debug):
        _limit_threads(threads)
        _say(verbose)
        from landscape._files import lock, write_atomic
        from landscape._run.directory import require_free
        from landscape._run.manifest import LOCK, STAGES
        from landscape.datasets import hematopoiesis

        require_free(out, force=force)
        source = out / STAGES / "demo.h5ad"
        if force or not source.is_file():
            _err("simulating counts from the circuit of Krumsiek et al. (2011)")
            source.parent.mkdir(parents=True, exist_ok=True)
            with lock(out / LOCK):
                write_atomic(source, hematopoiesis().write_h5ad)
        given = {"max_epochs": max_epochs, "n_latent_models": n_latent_models, "seed": seed, "threads": threads}
        _run(source, out, given, force=force)


@app.command(short_help="Infer a landscape from counts; a second run into the same folder resumes.")
@_with_directions
def run(
    source: Annotated[Path, typer.Argument(metavar="INPUT.h5ad", help="AnnData file, or a zarr folder.")],
    out: Out,
    config: Annotated[Path | None, typer.Option(help="Settings as YAML, JSON or TOML; options here win.")] = None,
    layer: Layer = None,
    batch_key: BatchKey = None,
    label_key: LabelKey = None,
    regulators: Regulators = None,
    n_regulators: Annotated[
        int | None, typer.Option(min=2, help="Largest number of regulators in the model, the most variable [300].")
    ] = None,
    n_top_genes: Annotated[
        int | None, typer.Option(min=1, help="Variable genes kept beside regulators [2000].")
    ] = None,
    max_epochs: Epochs = None,
    n_latent_models: LatentModels = None,
    n_models: Annotated[
        int | None, typer.Option(min=1, help="Models, each on latent models of its own, for a consensus [1].")
    ] = None,
    drop_empty: DropEmpty = False,
    round_: Round = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every stage [0].")] = None,
    threads: Threads = None,
    force: Force = False,
    verbose: Verbose = False,
    debug: Debug = False,
    **directions: str | None,
) -> None:
    """Infer a landscape from counts; a second run into the same folder resumes."""
    with _guarded(debug):
        from landscape._run.settings import read_config

        given = {
            "layer": layer,
            "batch_key": batch_key,
            "label_key": label_key,
            **directions,
            "regulators": regulators,
            "n_regulators": n_regulators,
            "n_top_genes": n_top_genes,
            "max_epochs": max_epochs,
            "n_latent_models": n_latent_models,
            "n_models": n_models,
            "drop_empty": drop_empty or None,
            "round": round_ or None,
            "seed": seed,
            "threads": threads,
        }
        values = {} if config is None else read_config(config)
        values |= {name: value for name, value in given.items() if value is not None}
        _limit_threads(values.get("threads"))
        _say(verbose)
        _run(source, out, values, force=force)


@app.command(short_help="Clamp genes at levels, and show the fates of cells then.")
def perturb(
    folder: Finished,
    levels: Annotated[
        list[str],
        typer.Argument(
            metavar="GENE=LEVEL[:TIME]...",
            help="0 is a knock-out, 1 is high; held throughout, or for a time. 'A->B=0' is one edge.",
        ),
    ],
    cells: Annotated[str | None, typer.Option(metavar="COLUMN=VALUE", help="Cells to start from.")] = None,
    controls: Annotated[
        int, typer.Option(min=0, help="Number of regulators of like level and strength to compare with.")
    ] = 10,
    particles: Annotated[int, typer.Option(min=1, help="Number of trajectories of each ensemble.")] = 1000,
    threads: Threads = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Clamp genes at levels, all at once, and show the fates of cells then."""
    with _guarded(debug):
        _limit_threads(threads)
        _say(verbose)
        from landscape._run.perturbations import perturb_directory

        options = {"cells": cells, "n_controls": controls, "n_particles": particles}
        record = perturb_directory(folder, _levels(levels), options=options, observe=_show)
        table = record.get("labels", record["fates"])
        typer.echo(table.dropna(axis=1, how="all").round(3).to_string())
        if "release" in record:
            typer.echo(record["release"].dropna(axis=1, how="all").round(3).to_string())
        typer.echo(f"unperturbed shares of model and chain: total variation {record['start_tv']:.2f}")
        typer.echo(f"report: {folder / 'report.html'}")


@app.command(short_help="Find genes that, held for a time, turn one fate into another.")
def reprogram(
    folder: Finished,
    source: Annotated[str, typer.Argument(help="Fate to start from, or cells as COLUMN=VALUE.")],
    target: Annotated[str, typer.Argument(help="Fate to reach.")],
    max_genes: Annotated[int, typer.Option(min=1, help="Largest number of genes of a set.")] = 3,
    min_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of the cells from which a set works.")
    ] = 0.5,
    particles: Annotated[int, typer.Option(min=1, help="Number of trajectories of each ensemble.")] = 300,
    threads: Threads = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Find the least sets of genes that, held for a time and then released, turn one fate into another."""
    with _guarded(debug):
        _limit_threads(threads)
        _say(verbose)
        from landscape._run.perturbations import reprogram_directory

        options = {"max_genes": max_genes, "min_share": min_share, "n_particles": particles}
        record = reprogram_directory(folder, source, target, options=options, observe=_show)
        columns = ["n_genes", "share", "low", "high", "without", "lfsr", "pulse", "agreement", "inside", "works"]
        if len(record["sets"]):
            typer.echo(record["sets"][columns].dropna(axis=1, how="all").round(3).to_string())
        typer.echo(str(record["answer"]))
        typer.echo(f"report: {folder / 'report.html'}")


@app.command(short_help="Remove and over-express every regulator, and show what moves cells.")
def screen(
    folder: Finished,
    genes: Annotated[
        list[str] | None, typer.Option("--gene", help="Regulator to perturb; several times [all].")
    ] = None,
    order: Annotated[int, typer.Option(min=1, max=2, help="2: pairs of the strongest with all others too.")] = 1,
    top: Annotated[int, typer.Option(min=1, help="Perturbations that are combined with all others.")] = 10,
    edges: Annotated[int, typer.Option(min=0, help="Strongest single edges to remove, besides.")] = 0,
    doses: Annotated[int, typer.Option(min=0, help="Genes with doses and critical levels.")] = 1,
    cells: Annotated[str | None, typer.Option(metavar="COLUMN=VALUE", help="Cells to start from.")] = None,
    particles: Annotated[int, typer.Option(min=1, help="Largest number of trajectories of each ensemble.")] = 1000,
    lfsr: Annotated[float | None, typer.Option(help="Rate of sign errors that is asked for.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes; the result is the same.")] = 1,
    threads: Threads = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Remove and over-express every regulator, and show what moves cells; a second call goes on where the first one was ended."""
    with _guarded(debug):
        _limit_threads(threads)
        _say(verbose)
        from landscape._run.perturbations import screen_directory

        options = {
            "genes": genes,
            "order": order,
            "top": top,
            "edges": edges,
            "n_doses": doses,
            "cells": cells,
            "n_particles": particles,
            "lfsr": lfsr,
            "engine": None if workers == 1 else workers,
        }
        record = screen_directory(folder, options=options, observe=_show)
        table = record["perturbations"].sort_values("moved", ascending=False, kind="stable")
        typer.echo(table.head(N_SHOWN).dropna(axis=1, how="all").round(3).to_string())
        typer.echo(
            f"{len(table)} perturbations; unperturbed shares of model and chain: total variation {record['start_tv']:.2f}"
        )
        typer.echo(f"report: {folder / 'report.html'}")


@app.command(short_help="Ask which claims of the genomic code a finished run supports.")
def code(
    folder: Finished,
    n_null: Annotated[int, typer.Option("--null", min=19, help="Rewired networks to compare with.")] = 19,
    threads: Threads = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Ask which claims of the genomic code a finished run supports, and add the card to its report."""
    with _guarded(debug):
        _limit_threads(threads)
        _say(verbose)
        from landscape._run.genomic_code import code_directory

        card = code_directory(folder, options={"n_null": n_null}, observe=_show)
        for verdict, rows in card.groupby("verdict", sort=False):
            typer.echo(f"{verdict}: {', '.join(map(str, rows.index))}")
        typer.echo(f"report: {folder / 'report.html'}")


@app.command()
def report(
    folder: Finished,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML file [DIR/report.html].")] = None,
    debug: Debug = False,
) -> None:
    """Write the report of a finished run again."""
    with _guarded(debug):
        _say(verbose=False)
        data = folder / "landscape.h5ad"
        if not data.is_file():
            msg = f"{folder} holds no finished run (no landscape.h5ad); run `landscape run INPUT.h5ad --out {folder}`."
            raise FileNotFoundError(msg)
        from landscape._run.outputs import checksums
        from landscape._run.reading import read_cells
        from landscape.report import report as write

        known = _summary(folder / "summary.json")
        target = write(read_cells(data), out or folder / "report.html", summary=known, files=checksums(folder))
        typer.echo(str(target))


@app.command(short_help="Show what a file offers, and what is wrong with it.")
@_with_directions
def check(
    source: Input,
    layer: Layer = None,
    batch_key: BatchKey = None,
    label_key: LabelKey = None,
    regulators: Regulators = None,
    drop_empty: DropEmpty = False,
    round_: Round = False,
    debug: Debug = False,
    **directions: str | None,
) -> None:
    """Show what a file offers, what is wrong with it, and which call fixes it. What is ready here runs with the same options."""
    with _guarded(debug):
        _say(verbose=False)
        from landscape._run.inspection import in_words, inspect_cells
        from landscape._run.plan import prepare
        from landscape._run.reading import read_cells, require_storable
        from landscape._run.settings import from_mapping
        from landscape.pp.finding import caught

        given = {"layer": layer, "batch_key": batch_key, "label_key": label_key, "regulators": regulators, **directions}
        settings = from_mapping({**given, "drop_empty": drop_empty or None, "round": round_ or None})
        adata = prepare(read_cells(source), settings)
        found = inspect_cells(adata, settings)
        findings = [*found.findings, *caught(require_storable, adata)]
        typer.echo(f"{source}: {adata.n_obs:,} cells x {adata.n_vars:,} genes")
        for fact in in_words(adata, found):
            typer.echo(f"  {fact}")
        for finding in sorted(findings, key=lambda finding: finding.level):
            typer.echo(f"{finding.level.upper()}: {finding.message}")
            if fix := finding.option or finding.fix:
                typer.echo(f"  fix: {fix}")
        if n := sum(finding.level == "error" for finding in findings):
            typer.echo(f"not ready: {n} {'error' if n == 1 else 'errors'}")
            raise typer.Exit(1)
        typer.echo("ready for `landscape run`")


@app.command(short_help="List the data sets, or write one as an AnnData file.")
def datasets(
    name: Annotated[str | None, typer.Argument(help="Data set to show; without it, all are listed.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write it to this .h5ad file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    debug: Debug = False,
) -> None:
    """List the data sets, or write one as an AnnData file."""
    with _guarded(debug):
        from landscape._run import catalogue
        from landscape.datasets import list as registry

        width = shutil.get_terminal_size().columns
        if name is None:
            typer.echo(catalogue.listing(registry(), width))
            return
        if not catalogue.known(name):
            msg = f"No data set is called {name!r}; `landscape datasets` lists them."
            raise ValueError(msg)
        if out is None:
            typer.echo(catalogue.details(registry(), name, width))
            return
        loader = catalogue.loader_of(name)
        if out.exists() and not force:
            msg = f"{out} exists; pass `--force` to replace it."
            raise FileExistsError(msg)
        from landscape._files import write_atomic

        write_atomic(out, loader().write_h5ad)
        typer.echo(str(out))


def _summary(path: Path) -> dict[str, Any] | None:
    from landscape._files import read_json

    if not path.is_file():
        return None
    try:
        return dict(read_json(path))
    except (ValueError, TypeError) as error:
        msg = f"{path} is damaged ({error}); run the same `landscape run` again, which writes it from the stages that it keeps."
        raise ValueError(msg) from error


def _levels(given: list[str]) -> dict[str | tuple[str, str], float | tuple[float, float]]:
    found: dict[str | tuple[str, str], float | tuple[float, float]] = {}
    for part in given:
        gene, _, value = part.rpartition("=")
        level, _, time = value.partition(":")
        source, arrow, target = gene.partition("->")
        try:
            found[(source, target) if arrow else gene] = (float(level), float(time)) if time else float(level)
        except ValueError:
            gene = ""
        if not gene:
            msg = f"Expected levels such as Gata1=0, Gata1=0:2 for a pulse, or 'Gata1->Spi1=0' for an edge, found {part!r}."
            raise ValueError(msg)
    return found


def _run(source: Path, out: Path, values: dict[str, Any], *, force: bool) -> None:
    from landscape._run.directory import run_directory
    from landscape._run.settings import from_mapping

    summary = run_directory(source, out, settings=from_mapping(values), force=force, observe=_show)
    if summary["supported"] is False:
        typer.echo(f"no landscape supported: {'; '.join(summary['reasons'])}")
    names = ", ".join(attractor["name"] for attractor in summary["attractors"] or []) or "none"
    typer.echo(f"{summary['n_cells']:,} cells, {summary['n_edges']} edges of {summary['n_regulators']} regulators")
    typer.echo(f"attractors: {names}")
    if summary.get("terminal_states"):
        typer.echo(f"terminal states of the chain: {', '.join(found['name'] for found in summary['terminal_states'])}")
    if found := summary.get("consensus"):
        kept = [f"{one['name']} ({one['n_models']})" for one in found["attractors"] if one["kept"]]
        decided = f"{found['decided']:.0%} of cells decided, agreement {found['agreement']:.2f}"
        typer.echo(f"consensus of {found['n_models']} models: {', '.join(kept) or 'no attractor kept'}; {decided}")
    typer.echo(f"identifiability: {summary['identifiability']}")
    typer.echo(f"report: {out / 'report.html'}")


def _show(event: Event) -> None:
    where = f"[{event.number}/{event.total}] {event.stage}"
    if event.status == "started":
        _err(f"{where} ...")
    elif event.status == "kept":
        _err(f"{where}: kept from the last run")
    else:
        _err(f"{where}: {event.seconds:.1f} s, peak memory {event.peak_memory_mb:,.0f} MB")


def _err(text: str) -> None:
    typer.echo(text, err=True)


def _say(verbose: bool) -> None:
    """Send the log of the package to standard error: decisions and warnings, with ``verbose`` everything."""
    package = logging.getLogger("landscape")
    if not any(isinstance(handler, _Stderr) for handler in package.handlers):
        package.addHandler(_Stderr())
    package.setLevel(logging.INFO if verbose else logging.WARNING)
    logging.getLogger("landscape._run").setLevel(logging.INFO)


class _Stderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        mark = "warning: " if record.levelno >= logging.WARNING else ""
        _err(f"{mark}{record.getMessage()}")


def _limit_threads(number: object) -> None:
    """Set the number of threads in the environment, where the library of numpy reads it when numpy is loaded."""
    if isinstance(number, int) and "numpy" not in sys.modules:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[name] = str(number)


@contextmanager
def _guarded(debug: bool) -> Iterator[None]:
    """Turn an error in the input into one message and exit code 2, any other into exit code 1."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        _err("interrupted; the same command resumes after the last finished stage")
        raise typer.Exit(130) from None
    except (ValueError, KeyError, TypeError, OSError) as error:
        if debug:
            raise
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        _err(f"error: {text}")
        raise typer.Exit(2) from None
    except (MemoryError, RuntimeError, ArithmeticError, ImportError) as error:
        if debug:
            raise
        _err(
            f"error: {type(error).__name__}: {error}\nThis is not a mistake in your input; `--debug` shows where it happened."
        )
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
