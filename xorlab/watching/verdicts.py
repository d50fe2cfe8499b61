"""Says what is wrong with a training as soon as that changes: in its log and aloud."""

from collections.abc import Callable, Sequence

from xorlab.diagnosis import Evidence, Verdict, judge
from xorlab.diagnosis.verdict import settled, still_holds
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
        self._written: str | None = None
        self.verdict = Verdict(is_enough=False)
        self._then = Evidence()  # Of which that was said.
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
        before = self.verdict
        self._judge(self._witness, is_over=False)
        if self.verdict.cause != before.cause:
            self._write()
            self._tell(f"step {self._last}", before)

    def end(self) -> None:
        """Judges what was seen last, and says what is wrong, or no longer is."""
        if self._witness is None:
            return
        before = self.verdict
        self._judge(self._witness, is_over=True)
        if self.verdict.words() != self._written:
            self._write()
        self._tell("at the end of training", before)

    def _judge(self, witness, is_over):
        self._is_judged = True
        evidence, apart = witness.evidence(self.steps_left), witness.trained_apart
        verdict = judge_apart(evidence, apart) if len(apart) > 1 else judge(evidence)
        if not is_over:
            verdict = settled(verdict, evidence)
        if is_over or not still_holds(self.verdict, self._then, verdict, evidence):
            self.verdict, self._then = verdict, evidence
        # What was found once is zero where it no longer holds.
        self._causes = dict.fromkeys(self._causes, 0.0)
        for finding in self.verdict.findings:
            tag = f"findings/{finding.cause}"
            self._causes[tag] = self._causes.get(tag, 0.0) + (len(finding.layers) or 1)
        if self._causes:
            self._log.write([StepValues(self._last, dict(self._causes))])

    def _write(self):
        self._written = self.verdict.words()
        # Of one line break Markdown makes a space.
        self._log.text("verdict", self._written.replace("\n", "\n\n"), self._last)

    def _tell(self, when, before):
        if self.verdict.findings:
            self._say(f"xorlab, {when}: {self.verdict.line()}")
        elif before.findings:
            now = "it learns now, and " if self.verdict.is_enough else ""
            self._say(f"xorlab, {when}: {now}what was said before no longer holds.")
