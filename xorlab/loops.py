"""Training loops that users write, watched as the callback watches `fit`."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Sequence

import keras

from xorlab.checks import names, true_or_false, whole
from xorlab.diagnosis import Verdict
from xorlab.eventlog.eventfile import EventFile, OwnRecords
from xorlab.files import check_writable
from xorlab.steps import internals, naming
from xorlab.steps.loops import LoopRequests
from xorlab.watching import Terminal, Verdicts, Watch, Witness

__all__ = ["watch"]


def __dir__() -> list[str]:
    return __all__


class watch:
    """Inside, the updates by an optimizer are logged, whoever's loop makes them.

        with xorlab.watch(optimizer, model, "logs/mine"):
            for x, y in batches:
                with tf.GradientTape() as tape:
                    loss = loss_of(y, model(x, training=True))
                gradients = tape.gradient(loss, model.trainable_weights)
                optimizer.apply_gradients(zip(gradients, model.trainable_weights))

    The step may as well be a `tf.function`, compiled by XLA or not, that is called
    inside. What is logged is what `xorlab.callbacks.TensorBoard` logs with
    `write_grads=True`, but for `skipped_steps`. For two networks there are two: `with
    watch(d_optimizer, discriminator, "logs/d"), watch(g_optimizer, generator,
    "logs/g"):`. Whatever fails in it, training goes on.

    Args:
        optimizer: the one whose `apply` or `apply_gradients` the loop calls.
        model: whose trainable weights it updates; or several models.
        log_dir: a folder that nothing else logs to meanwhile: TensorBoard may read only
            one of its files.
        histogram_steps: log every multiple of so many iterations of the optimizer; a
            function that makes several updates is logged by its last.
        write_activations: log what layers return, too.
        layers: names of the layers to measure, or patterns, as for
            `xorlab.callbacks.TensorBoard`; None measures all.
        verbose: print the verdict in one line where it changes, and at the end.

    Attributes:
        verdict: that of `xorlab.callbacks.TensorBoard`; judged is each time that the
            logged steps have doubled, and at the end.

    Raises:
        ValueError: an argument is not as above.
        OSError: the log directory cannot be written.
        RuntimeError: Keras runs on another backend than TensorFlow, or Keras or
            TensorFlow has changed in what this leans on.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        model: keras.Model | Sequence[keras.Model],
        log_dir: str | os.PathLike,
        *,
        histogram_steps: int = 100,
        write_activations: bool = False,
        layers: str | Sequence[str] | None = None,
        verbose: bool = True,
    ):
        internals.check()
        if not isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                "optimizer: expected a keras.optimizers.Optimizer; received "
                f"{optimizer!r}; for several, watch each"
            )
        models = [model] if isinstance(model, keras.Model) else model
        if not isinstance(models, list | tuple) or not all(
            isinstance(x, keras.Model) for x in models
        ):
            raise ValueError(
                f"model: expected a keras.Model, or several; received {model!r}"
            )
        whole("histogram_steps", histogram_steps, 1, "1 logs every step")
        true_or_false("write_activations", write_activations)
        true_or_false("verbose", verbose)
        chosen = None if layers is None else names("layers", layers)
        check_writable(log_dir, "log_dir", inside="")
        self._optimizer = optimizer
        self._model = models[0] if len(models) == 1 else _Together(models)
        self._log_dir = log_dir
        self._every = histogram_steps
        self._activations = write_activations
        self._layers = chosen
        if chosen is not None and all(x.built for x in models):
            naming.chosen_layers(self._model, chosen)
        self._terminal = Terminal(verbose)
        self._verdicts: Verdicts | None = None

    @property
    def verdict(self) -> Verdict:
        """Why the model does not learn, as far as was seen until it was judged."""
        return self._verdicts.verdict if self._verdicts else Verdict(is_enough=False)

    def __enter__(self) -> None:
        folder = pathlib.Path(self._log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            records = OwnRecords(folder)
            stack.callback(records.close)
            requests = LoopRequests(
                self._optimizer,
                self._model,
                self._activations,
                self._layers,
                self._await_step,
            )
            log = EventFile(records)
            see = functools.partial(Witness.of, self._model, self._layers)
            self._verdicts = Verdicts(see, log, self._terminal.say)
            self._watch = Watch(
                lambda: {"": self._optimizer},
                requests.request,
                log,
                self._every,
                self._activations,
                self._verdicts,
                remedy="call the function of a step itself, not a concrete_function",
                may_skip=True,
            )
            stack.callback(self._watch.end)
            stack.enter_context(requests.attached())
            self._await_step()
            self._stack = stack.pop_all()

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _await_step(self):
        self._watch.await_steps()


class _Together(keras.Model):
    """Several models, as one that holds their weights."""

    def __init__(self, models):
        super().__init__()
        self.parts = list(models)
