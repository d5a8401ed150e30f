"""Draws the plot of a soak: memory, threads and descriptors of the service over time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl

from bench.plots import BLUE, GREY, ORANGE, STYLE, VERMILION, figure
from bench.soak import Run, Sample

COLORS = (BLUE, VERMILION, ORANGE)
MEASURES: dict[str, Callable[[Sample], float]] = {
    "Memory (PSS), MiB": lambda sample: sample.pss,
    "Threads": lambda sample: sample.threads,
    "Descriptors": lambda sample: sample.descriptors,
}


def draw(runs: Sequence[Run], path: Path) -> None:
    """Write the plot: a row for each measure, a column for each store."""
    mpl.use("svg")
    with (
        mpl.rc_context(STYLE),
        figure(path, len(MEASURES), len(runs), 6.4) as axes,
    ):
        for number, one in enumerate(axes):
            run, (title, get) = runs[number % len(runs)], [*MEASURES.items()][number // len(runs)]
            minutes = [sample.seconds / 60 for sample in run.samples]
            color = COLORS[number % len(runs)]
            one.plot(minutes, [get(sample) for sample in run.samples], color=color)
            for moment, _ in run.faults:
                one.axvline(moment / 60, color=GREY, linewidth=0.6, linestyle=":")
            one.set_ylim(bottom=0)
            one.set_title(f"{run.store}: {title}", fontsize=10)
            if number // len(runs) == len(MEASURES) - 1:
                one.set_xlabel("minutes")
