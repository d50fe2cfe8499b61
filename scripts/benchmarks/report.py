"""What a benchmark measured, as Markdown and as JSON."""

import dataclasses
import json
import shlex
import statistics
import sys
from collections.abc import Sequence

from xorlab import provenance


@dataclasses.dataclass(frozen=True)
class Row:
    """One contender: its times, or why it has none.

    Attributes:
        name: who was timed.
        times: round by round, in the table's unit.
        missing: why there are no times.
    """

    name: str
    times: Sequence[float] = ()
    missing: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.times) if self.times else None


@dataclasses.dataclass(frozen=True)
class Table:
    """Contenders measured in one interleaved run.

    Attributes:
        title: what was timed.
        unit: of all times.
        rows: in the order of the table.
        ours: name of the row that the ratio column is relative to.
        reference: what the head of that column calls it.
    """

    title: str
    unit: str
    rows: Sequence[Row]
    ours: str
    reference: str = "ours"

    def median(self, name: str) -> float | None:
        """Returns the median of a row; None if it is missing."""
        return self._row(name).median

    def share(self, name: str, of: str) -> float | None:
        """Returns one row's times as shares of another's; None if one is missing.

        It is the median over the rounds: a busy spell of the machine hits a whole
        round, and cancels out of it.
        """
        part, whole = self._row(name).times, self._row(of).times
        if not (part and whole):
            return None
        return statistics.median(p / w for p, w in zip(part, whole, strict=True))

    def _row(self, name):
        [row] = [row for row in self.rows if row.name == name]
        return row

    def markdown(self) -> str:
        rounds = max(len(row.times) for row in self.rows)
        lines = [
            f"| {self.title} | median of {rounds}, {self.unit} "
            f"| least … most | relative to {self.reference} |",
            "| --- | ---: | ---: | ---: |",
        ]
        for row in self.rows:
            if row.missing:
                lines.append(f"| {row.name} | missing: {row.missing} | | |")
                continue
            spread = f"{_number(min(row.times))} … {_number(max(row.times))}"
            ratio = self.share(row.name, of=self.ours)
            ratio = "" if ratio is None else f"{_number(ratio)} ×"
            lines.append(f"| {row.name} | {_number(row.median)} | {spread} | {ratio} |")
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Target:
    """A number that must not exceed a limit.

    Attributes:
        claim: the target in words.
        value: what was measured; None where a contender is missing.
        limit: the most that meets the target.
        unit: of both; empty for a ratio.
    """

    claim: str
    value: float | None
    limit: float
    unit: str = ""

    @property
    def outcome(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if self.value <= self.limit else "not met"

    def markdown(self) -> str:
        if self.value is None:
            measured = ""
        elif self.value < 1 and not self.unit:
            measured = f"1/{_number(1 / self.value)}"
        else:
            measured = f"{_number(self.value)} {self.unit}".strip()
        return f"| {self.claim} | {measured} | {self.outcome} |"


@dataclasses.dataclass(frozen=True)
class Report:
    """What one subcommand measured.

    Attributes:
        tables: at least one.
        targets: in the order of the list.
        notes: sentences about how it was measured.
        versions: of what was measured, by name.
    """

    tables: Sequence[Table]
    targets: Sequence[Target]
    notes: Sequence[str]
    versions: dict[str, str]

    def markdown(self) -> str:
        targets = ["| target | measured | |", "| --- | ---: | --- |"]
        targets += [target.markdown() for target in self.targets]
        versions = provenance.stated(self.versions)
        machine = provenance.machine()
        notes = [*self.notes, f"`{command()}` on {machine}: {versions}."]
        parts = [table.markdown() for table in self.tables]
        return "\n\n".join([*parts, "\n".join(targets), "\n".join(notes)])

    def json(self) -> str:
        record = {"command": command(), "machine": provenance.machine()}
        record |= dataclasses.asdict(self)
        for table, shown in zip(self.tables, record["tables"], strict=True):
            for row, shown_row in zip(table.rows, shown["rows"], strict=True):
                shown_row["median"] = row.median
        for target, shown in zip(self.targets, record["targets"], strict=True):
            shown["outcome"] = target.outcome
        return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _number(value: float) -> str:
    """Three significant digits; whole above 100."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def command() -> str:
    """Returns the command line that runs this program again."""
    return shlex.join(["python", *sys.argv])


def with_table(readme: str, name: str, table: str) -> str:
    """Returns the text of a README with a new table between the markers of `name`.

    Raises:
        ValueError: the markers are not there.
    """
    begin, end = f"<!-- benchmark:{name} -->", f"<!-- /benchmark:{name} -->"
    before, found_begin, rest = readme.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(
            f"README.md: expected the lines {begin} and {end}, in this order; "
            f"found {'only the first' if found_begin else 'no such first line'}; "
            "write both where the table belongs"
        )
    return f"{before}{begin}\n{table}\n{end}{after}"
