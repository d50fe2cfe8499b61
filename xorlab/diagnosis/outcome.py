"""Whether a network learned its table: how it ended in, words out."""


def judge_outcome(
    correct: int, rows: int, cost: float, undecided: bool, diverged_at: int | None
) -> str:
    """Says in one sentence whether the network learned its table.

    Args:
        correct: rows predicted right.
        rows: all rows.
        cost: the final cost.
        undecided: all hypotheses are next to 0.5.
        diverged_at: the first step with a NaN or infinite cost, if there was one.

    >>> judge_outcome(3, 4, 0.4774, False, None)
    'It did not learn XOR: 3 of 4 rows are right, at a cost of 0.4774.'
    """
    if diverged_at is not None:
        return (
            f"It diverged: the cost is not finite at step {diverged_at}; "
            "try a smaller learning rate."
        )
    if undecided:
        return (
            f"It did not learn XOR: all hypotheses are within 0.001 of 0.5, so that "
            f"which rows are right is rounding; the cost is {cost:.4g}."
        )
    if correct < rows:
        return (
            f"It did not learn XOR: {correct} of {rows} rows are right, "
            f"at a cost of {cost:.4g}."
        )
    return f"It learned XOR: all {rows} rows are right, at a cost of {cost:.4g}."
