"""Lines on the terminal, beside Keras's progress bar."""


class Terminal:
    """Prints lines, but not into a bar.

    Args:
        is_heard: whether it prints anything.

    Attributes:
        is_in_bar: whether a bar stands where the next line would begin.
    """

    def __init__(self, is_heard: bool):
        self._is_heard = is_heard
        self.is_in_bar = False
        self._waiting: list[str] | None = None

    def say(self, words: str) -> None:
        """Prints a line, at once or when it may."""
        if self._waiting is not None:
            self._waiting.append(words)
        elif self._is_heard:
            print("\n" + words if self.is_in_bar else words, flush=True)

    def wait(self) -> None:
        """Holds lines back: a bar is about to be drawn to its end."""
        self._waiting = []

    def go_on(self) -> None:
        """Prints what was held back: no bar stands there."""
        waiting, self._waiting = self._waiting or [], None
        self.is_in_bar = False
        for words in waiting:
            self.say(words)
