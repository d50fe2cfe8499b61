"""Says what is wrong with a training as soon as that changes: in its log and aloud."""

from collections.abc import Callable, Sequence

from xorlab.diagnosis import Verdict, judge
from xorlab.eventlog.eventfile import EventFile, StepValues
from xorlab.steps.statistics import StepStatistics
from xorlab.watching.networks import judge_apart
from xorlab.watching.witness import Witness


class Verdicts:
    """Judges the steps that were logged: when these have doubled, and when asked to.

    Args:
        begin: makes a witness, when the first step is there.
        log: where to write a text, `verdict`, when its cause is another; and
            `findings/<cause>`, how many layers each cause concerns that was found.
        say: is told of a change in one line, and at the end of what is still wrong.

    Attributes:
        verdict: the last.
        steps_left: how many steps the training still makes, if that is known.
    """

    def __init__(
        self, begin: Callable[[], Witness], log: EventFile, say: Callable[[str], None]
    ):
        self._begin = begin
        self._log = log
        self._say = say
        self._witness: Witness | None = None
        self._last = 0  # The last step that was seen.
        self._is_judged = True
        self._causes: dict[str, float] = {}
        self._is_written = False
        self.verdict = Verdict(is_enough=False)
        self.steps_left: int | None = None

    def add(
        self, told: Sequence[StepStatistics], place: str | None, rate: float | None
    ) -> None:
        """Takes note of a step, as `Witness.add` does."""
        if self._witness is None:
            self._witness = self._begin()
        self._witness.add(told, place, rate)
        self._last, self._is_judged = told[0].step, False
        if self._witness.seen & (self._witness.seen - 1) == 0:
            self.judge()

    def judge(self) -> None:
        """Judges what was seen, if a step was since the last time."""
        if self._witness is None or self._is_judged:
            return
        before, step, self._is_judged = self.verdict, self._last, True
        evidence = self._witness.evidence(self.steps_left)
        apart = self._witness.trained_apart
        verdict = judge_apart(evidence, apart) if len(apart) > 1 else judge(evidence)
        self.verdict = verdict
        # What was found once is zero where it no longer holds.
        self._causes = dict.fromkeys(self._causes, 0.0)
        for finding in verdict.findings:
            tag = f"findings/{finding.cause}"
            self._causes[tag] = self._causes.get(tag, 0.0) + (len(finding.layers) or 1)
        if self._causes:
            self._log.write([StepValues(step, dict(self._causes))])
        if verdict.cause != before.cause:
            self._write(step)
            if verdict.findings or before.findings:
                self._say(f"xorlab, step {step}: {verdict.line()}")

    def end(self) -> None:
        """Judges what was seen last, and says what is wrong."""
        self.judge()
        if self._witness is not None and not self._is_written:
            self._write(self._last)
        if self.verdict.findings:
            self._say(f"xorlab, at the end of training: {self.verdict.line()}")

    def _write(self, step):
        self._is_written = True
        # Of one line break Markdown makes a space.
        self._log.text("verdict", self.verdict.words().replace("\n", "\n\n"), step)
