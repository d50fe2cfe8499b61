"""Where units no longer learn: their shares in, words out."""

from collections.abc import Mapping

# A network that learns has few: He et al. 2015, section 2.2, start ReLUs so that each
# is on for half of its inputs. Half of a layer is where it has lost more than it kept.
MANY = 0.5
_DEAD = "dead_units/"


def judge_units(shares: Mapping[str, float]) -> str:
    """Says which layers consist of dead units for the most part, as Markdown.

    Args:
        shares: of a layer's units, in a batch, by tag: `dead_units/<layer>`. Others say
            nothing: the sigmoid that a model ends in is right to saturate.

    >>> judge_units({"dead_units/a": 0.9, "dead_units/b": 0.1})
    '- **a** is 90% dead: so many of its units were zero for the whole batch, and pass \
no gradient on. Try a smaller learning rate, a smaller start, or a leaky ReLU.'
    """
    return "\n".join(
        f"- **{tag.removeprefix(_DEAD)}** is {share:.0%} dead: so many of its units "
        "were zero for the whole batch, and pass no gradient on. Try a smaller "
        "learning rate, a smaller start, or a leaky ReLU."
        for tag, share in shares.items()
        if tag.startswith(_DEAD) and share >= MANY
    )
