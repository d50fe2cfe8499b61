"""A TensorBoard callback that shows the gradients and the graph of any Keras model."""

import functools
import os
import warnings
from collections.abc import Sequence

from xorlab.checks import names, true_or_false, warn, whole
from xorlab.diagnosis import Verdict
from xorlab.eventlog.eventfile import EventFile, SharedRecords
from xorlab.eventlog.graph import StepScopes, kept_graph
from xorlab.files import check_writable
from xorlab.steps import internals, naming
from xorlab.steps.fits import batches_of_epochs, steps_of_epochs, steps_of_execution
from xorlab.steps.optimizers import optimizers_of
from xorlab.steps.requests import StepRequests
from xorlab.watching import Terminal, Verdicts, Watch, Witness, what_if_unseen
from xorlab.watching.sparing import SparingTensorBoard

__all__ = ["TensorBoard"]


def __dir__() -> list[str]:
    return __all__


class TensorBoard(SparingTensorBoard):
    """`keras.callbacks.TensorBoard`, with gradients and an op graph that opens.

        from xorlab.callbacks import TensorBoard

        model.fit(x, y, callbacks=[TensorBoard("logs", write_grads=True)])

    All arguments and logs of Keras's callback stay as they are. What a logged gradient
    is stands in `xorlab.steps.observe`. A step is the optimizer's iterations: what is
    logged at step s belongs to the weights after s updates, before the next. Where
    `initial_epoch` goes on with a new optimizer, they go on, too.

    Args:
        log_dir, histogram_freq, write_graph, write_images, write_steps_per_second,
            update_freq, profile_batch, embeddings_freq, embeddings_metadata: those of
            `keras.callbacks.TensorBoard`. `write_graph` also writes the op graph of the
            training step, but not of a model under a distribution strategy.
        write_grads: log, from the training step itself, histograms
            `<layer>/<weight>/gradient` and `<layer>/<weight>/weight`, scalars
            `gradient_rms/<layer>`, `update_ratio/<layer>` (2-norm of the change by
            2-norm of the weight), `learning_rate`, `gradient_norm`,
            `gradient_not_finite` and `weight_not_finite` (how many entries are NaN or
            infinite); and the verdict (below). If the model has several optimizers, as
            a GAN, the last four are of each, named like its attribute,
            `gradient_norm/d_optimizer`; and its steps are its own iterations. Under
            loss scaling also `loss_scale`, and, of a single optimizer, `skipped_steps`:
            how many of this `fit` overflowed, and so have updated nothing. The first
            place that is not finite, in data, loss, gradients or weights, is warned of
            at once.
        write_activations: log histograms `<layer>/activation` of what the model's
            layers return, too, and scalars `activation_not_finite`,
            `dead_units/<layer>` of ReLUs (the share of units that are zero for the
            whole batch) and `saturated_units/<layer>` of tanh and sigmoid (see
            `xorlab.steps.units`); it implies `write_grads`.
        write_loss_grads: log scalars `gradient_norm/<part>` of each part of the loss,
            with its weight: `<output>_loss` of several outputs, else `data_loss`;
            `<layer>_loss` of what a layer adds (the model: `added_loss`); and
            `regularization_loss`. Each takes a backward pass more where it is logged;
            not with recurrent layers, unless run eagerly. It implies `write_grads`.
        histogram_steps: log them at every multiple of so many iterations, or, if there
            are several optimizers, of steps of the model; under `steps_per_execution`,
            at the last step of the execution that reaches it. If None, at the first
            execution of every `histogram_freq`-th epoch, or of every epoch where
            `histogram_freq` is 0.
        layers: names of the layers to measure, or patterns of `fnmatch`, such as
            `["encoder", "block_*"]`; layers inside of these come with them. The others
            cost nothing, and what is said of all, such as `gradient_norm` and the
            verdict, is of these. None measures all.
        verbose: print the verdict in one line where it changes, and at the end of `fit`
            if something is wrong.

    Attributes:
        verdict: why the model does not learn, as an `xorlab.diagnosis.Verdict`; it is
            logged as the text `verdict` where it changes, and as `findings/<cause>`:
            how many layers a found cause concerns. Judged is, for each optimizer by
            itself, when logged steps have doubled, and when an epoch or training ends.

    A layer is named by its path below the model, in tags and in the graph alike:
    `head`, `encoder/dense`, `block/attention/query`. Numbers of automatic names, such
    as `dense_7`, begin anew in each model, so that runs of one process overlay; the
    model itself is in no tag.

    What cannot be watched trains on, with one warning that says what is missing.

    Raises:
        ValueError: `histogram_steps` is not a whole number from 1 up, `write_grads`,
            `write_activations` or `write_loss_grads` is not True or False, `layers` is
            no text, or `log_dir` is no path; when training begins, `layers` has what
            fits no layer. (A model that is not built yet trains on, with a warning at
            the first logged step.)
        OSError: the log directory cannot be written.
        RuntimeError: Keras runs on another backend than TensorFlow, or has changed in
            what this leans on.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | str | Sequence[int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict | None = None,
        *,
        write_grads: bool = False,
        write_activations: bool = False,
        write_loss_grads: bool = False,
        histogram_steps: int | None = None,
        layers: str | Sequence[str] | None = None,
        verbose: bool = True,
    ):
        internals.check()
        true_or_false("write_grads", write_grads)
        true_or_false("write_activations", write_activations)
        true_or_false("write_loss_grads", write_loss_grads)
        true_or_false("verbose", verbose)
        if histogram_steps is not None:
            whole("histogram_steps", histogram_steps, 1, "1 logs every step")
        self._layers = None if layers is None else names("layers", layers)
        check_writable(log_dir, "log_dir", inside="train")
        super().__init__(
            log_dir,
            histogram_freq,
            write_graph,
            write_images,
            write_steps_per_second,
            update_freq,
            profile_batch,
            embeddings_freq,
            embeddings_metadata,
        )
        self._write_grads = write_grads or write_activations or write_loss_grads
        self._write_loss_grads = write_loss_grads
        self._write_activations = write_activations
        self._histogram_steps = histogram_steps
        self._profiles = bool(profile_batch)
        # Until training begins; it may, without us being told.
        self._watch: Watch | None = None
        self._verdicts: Verdicts | None = None
        self._terminal = Terminal(verbose)
        self._scopes: StepScopes | None = None  # Of the graph that is due.
        self._steps_made = 0
        for name, value in (("histogram_steps", histogram_steps), ("layers", layers)):
            if value is not None and not self._write_grads:
                words = f"{name}: does nothing without write_grads=True"
                warnings.warn(words, stacklevel=2)

    @property
    def verdict(self) -> Verdict:
        """Why the model does not learn, as far as was seen until it was judged."""
        return self._verdicts.verdict if self._verdicts else Verdict(is_enough=False)

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self._layers is not None and self.model.built:
            naming.chosen_layers(self.model, self._layers)
        super().on_train_begin(logs)
        # A `fit` that failed may have left something.
        StepRequests.of(self.model).withdraw()
        self._scopes = StepScopes(self.model) if self.write_graph else None
        # Keras's own file: where several of a folder grow, TensorBoard may read one.
        self._log = EventFile(SharedRecords(internals.train_writer(self)))
        if self._write_grads:
            see = functools.partial(Witness.of, self.model, self._layers)
            self._verdicts = Verdicts(see, self._log, self._terminal.say)
            self._watch = Watch(
                functools.partial(optimizers_of, self.model),
                self._ask,
                self._log,
                self._histogram_steps,
                self._write_activations,
                self._verdicts,
                remedy=what_if_unseen(self.model),
            )
        self._has_begun_epoch = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._terminal.go_on()
        if self._watch is not None:
            if not self._has_begun_epoch:
                self._watch.go_on_from(self._steps_before(epoch))
            left = batches_of_epochs(self, (self.params or {}).get("epochs", 0) - epoch)
            self._watch.begin_epoch(epoch % (self.histogram_freq or 1) == 0, left)
        self._has_begun_epoch = True

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        super().on_train_batch_begin(batch, logs)
        if self._scopes is not None:
            StepRequests.of(self.model).request_batch(self._write_graph, self._scopes)
        if self._watch is not None:
            if not self._has_begun_epoch:
                # Whoever calls us by hand may leave that out.
                self._has_begun_epoch = True
                self._watch.begin_epoch(True)
            shows_bar = (self.params or {}).get("verbose") == 1
            self._terminal.is_in_bar = shows_bar and batch > 0
            self._watch.begin_steps(steps_of_execution(self, batch))

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self._watch is not None:
            self._watch.end_steps()
        super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self._watch is not None:
            self._terminal.wait()
            self._watch.end_epoch()

    def on_train_end(self, logs: dict | None = None) -> None:
        StepRequests.of(self.model).withdraw()
        self._terminal.go_on()
        if self._watch is not None:
            self._watch.end()
            self._steps_made = self._watch.next_step
            self._watch = None
        super().on_train_end(logs)

    def _ask(self, tell):
        requests = StepRequests.of(self.model)
        wish = self._write_activations, self._layers, self._write_loss_grads
        requests.request_statistics(tell, *wish)

    def _steps_before(self, epoch):
        """How many steps a training has made that goes on with an epoch."""
        if not epoch:
            return 0
        if self._steps_made:
            return self._steps_made
        return steps_of_epochs(self, epoch) or 0

    def _write_graph(self, batch, traced):
        scopes, self._scopes = self._scopes, None
        try:
            self._log.graph(kept_graph(self.model, batch, scopes, traced))
        except Exception as error:
            # Whatever a custom step does not stand, training itself is well.
            warn(
                "no op graph is written: the training step cannot be traced outside "
                f"of fit ({type(error).__name__}: {error})"
            )
