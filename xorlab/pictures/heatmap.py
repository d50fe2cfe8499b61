"""Numbers in rows and columns, as colour and as text."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from xorlab.pictures import style


def heat_map(
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    label: str,
    words: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Draws shares, from 0 to 1.

    Args:
        values: row by row; a NaN stays blank.
        rows, columns: their names; a name may have several lines.
        title: of the picture.
        label: of the colours.
        words: what is written into each; by default the share.
    """
    # Inches: a letter takes 0.09, so that no name touches the next one.
    longest = max(len(line) for column in columns for line in column.split("\n"))
    across = max(0.8, 0.2 + 0.09 * longest)
    size = (max(6, 2 + across * len(columns)), 1.4 + 0.45 * len(rows))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, vmin=0, vmax=1, cmap=style.MAP, aspect="auto")
    for row, line in enumerate(values):
        for column, share in enumerate(line):
            if not math.isnan(share):
                ink = "black" if share > 0.6 else "white"
                text = words[row][column] if words else f"{share:.2f}"
                axes.text(column, row, text, color=ink, ha="center", va="center")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize="medium")
    figure.colorbar(image, ax=axes, label=label)
    return figure
