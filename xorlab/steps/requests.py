"""What is asked of single steps of a running `fit`; nothing is added to the others."""

import contextlib
import functools
import itertools
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import keras
import tensorflow as tf

from xorlab.steps import internals
from xorlab.steps.hooks import Wrapped
from xorlab.steps.statistics import StepStatistics
from xorlab.steps.watched import Watched

# Where a model keeps its own, and so what it has traced: as long as it lives itself.
_KEPT_AS = "_xorlab_step_requests"

# Whether outputs are counted, and losses told apart; and the layers that are measured.
_Wish = tuple[bool, bool, tuple[str, ...] | None]


class StepRequests:
    """Shows single executions of one model's `fit` to any of its callbacks that ask.

    A second train function, traced with a monitor inside, takes the place of Keras's
    own for the executions whose statistics are asked for. All others run the steps they
    always ran.
    """

    @classmethod
    def of(cls, model: keras.Model) -> "StepRequests":
        """Returns the one that the callbacks of this model share."""
        # Not by setattr, with which Keras looks for weights in what it is given.
        return vars(model).setdefault(_KEPT_AS, cls(model))

    def __init__(self, model: keras.Model):
        self._model = model
        self._hooks = contextlib.ExitStack()
        self._stand_in: functools.partial | None = None
        self._is_on_batch = False
        # Dicts: where another callback puts its function in our place, asked twice.
        self._tell_batch: dict[Callable, AbstractContextManager] = {}
        self._tell_statistics: dict[Callable, _Wish] = {}
        self._watched_for: Callable | None = None
        self._watched: dict[_Wish, Watched] = {}

    def request_batch(self, tell: Callable, around: AbstractContextManager) -> None:
        """Asks, from `on_train_batch_begin`, what the coming execution is given.

        Args:
            tell: is called after it with a batch's `tf.TensorSpec`s, and the graph of
                its step, if that was traced to be watched; else None.
            around: inside of this it is traced then.
        """
        self._tell_batch[tell] = around
        self._take_place()

    def request_statistics(
        self,
        tell: Callable[[list[StepStatistics] | Exception], None],
        activations: bool = False,
        layers: tuple[str, ...] | None = None,
        losses: bool = False,
    ) -> None:
        """Asks, from `on_train_batch_begin`, what the coming execution does.

        Args:
            tell: is called after it with the statistics, of each optimizer that
                updated something, unless none did; or with the error that kept the
                execution, which was made all the same, from being watched.
            activations: count the outputs of layers, too.
            layers: patterns of those to measure and tell of, as `naming.chosen_layers`
                reads them.
            losses: take the gradient of each part of the loss, too.
        """
        self._tell_statistics[tell] = activations, losses, layers
        self._take_place()

    def _take_place(self):
        if self._stand_in and self._model.train_function is self._stand_in:
            return
        self._give_place()
        # Only now: what was there may have been an old one of ours.
        present = self._model.train_function
        # Whoever trains batch by batch asks for the first before there is one.
        if present is not None:
            self._stand_in = functools.partial(self._run, present)
            self._put(self._stand_in)
        hooks = Wrapped(
            (self._model, "make_train_function", self._make_train_function),
            (self._model, "train_on_batch", self._train_on_batch),
        )
        self._hooks.enter_context(hooks)

    def _put(self, train_function):
        vars(self._model)["train_function"] = train_function

    def _give_place(self):
        self._hooks.close()
        present = self._model.train_function
        # Not if a `compile` has cleared it, or another callback stands before it; but
        # also if that has kept an old one, and put it back.
        if isinstance(present, functools.partial) and present.func == self._run:
            self._put(*present.args)
        self._stand_in = None

    def withdraw(self) -> None:
        """Leaves the model as it was, whatever has been asked for."""
        self._give_place()
        self._tell_batch = {}
        self._tell_statistics = {}

    def _make_train_function(self, original, *args, **kwargs):
        # `fit` begins with it, and it ends what an exception has left in place.
        if not self._is_on_batch:
            self.withdraw()
        return original(*args, **kwargs)

    def _train_on_batch(self, original, *args, **kwargs):
        self._is_on_batch = True
        try:
            if self._stand_in is None:
                self._model.make_train_function()
                self._take_place()
            return original(*args, **kwargs)
        finally:
            self._is_on_batch = False

    def _run(self, train_function, iterator):
        tell_batch, tell_statistics = self._tell_batch, self._tell_statistics
        # Nothing is asked for where another callback has kept an old one.
        self.withdraw()
        if self._is_on_batch:
            iterator = _Batches(iterator)
        _build_optimizer(self._model)
        graph = None
        if tell_statistics:
            activations, losses, layers = zip(*tell_statistics.values(), strict=True)
            together = None if None in layers else tuple(itertools.chain(*layers))
            wish = any(activations), any(losses), together
            around = tell_batch.values()
            logs, told, graph = self._watch(train_function, iterator, wish, around)
            for tell, (_, tells_losses, patterns) in tell_statistics.items():
                if isinstance(told, Exception):
                    tell(told)
                elif told:
                    # A copy each: two may count their steps otherwise.
                    patterns = None if patterns == together else patterns
                    copies = [statistics.of(patterns) for statistics in told]
                    if not tells_losses:
                        copies[0].loss_squares = {}
                    tell(copies)
        else:
            logs = train_function(iterator)
        if tell_batch:
            batch = _specs(iterator)
            for tell in tell_batch:
                tell(batch, graph)
        return logs

    def _watch(self, train_function, iterator, wish, around):
        """Makes an execution; returns its logs, what is to be told, and its graph."""
        try:
            watched = self._watching(train_function, iterator, wish)
            graph = watched.trace(iterator, *around)
        except Exception as error:
            # Nothing of the execution was made yet.
            return train_function(iterator), error, None
        logs, told = watched(iterator)
        if isinstance(told, Exception):
            # The next one is traced anew: with weights that were made meanwhile.
            del self._watched[wish]
            if watched.knows_too_few_weights():
                return logs, [], None
        return logs, told, graph

    def _watching(self, train_function, iterator, wish):
        """Returns the train function that measures what it does, traced once."""
        # Keras's is a new one after each `compile`; until then what it has traced
        # holds, such as which layers are frozen. By identity, since another callback's
        # method, around Keras's, equals itself after a `compile`.
        if self._watched_for is not train_function:
            self._watched_for, self._watched = train_function, {}
        if wish not in self._watched:
            # Only now: what Keras has traced has made them.
            with contextlib.suppress(Exception), warnings.catch_warnings():
                # Keras's advice on a call that nobody but us asked for.
                warnings.simplefilter("ignore")
                self._build(_specs(iterator))
            self._watched[wish] = Watched(self._model, train_function, *wish)
        return self._watched[wish]

    def _build(self, batch):
        """Makes now what the first trace would make, to be followed by another."""
        if not self._model.built:
            # Some are never called as a whole: their step makes what it needs.
            inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
            self._model(keras.tree.map_structure(_symbolic, inputs))
        elif _has_keras_s_step(self._model) and _has_metrics_to_build(self._model):
            internals.build_metrics(self._model, batch)


class _Batches:
    """Batches as they are, with what a `tf.data.Iterator` knows of its own."""

    def __init__(self, batches):
        first, *others = batches
        self._batches = iter([first, *others])
        self.element_spec = keras.tree.map_structure(
            lambda x: None if x is None else tf.type_spec_from_value(x), first
        )

    def __iter__(self):
        return self._batches


def _build_optimizer(model):
    """Makes now what Keras makes in its first trace, and then traces a second time."""
    # Without an optimizer, it is for Keras to say so.
    built = getattr(model.optimizer, "built", True)
    if _has_keras_s_step(model) and model.built and not built:
        model.optimizer.build(model.trainable_variables)


def _has_metrics_to_build(model):
    """Whether a first trace may make some: to make none, Keras calls the model."""
    # One is the loss's own; of several outputs, it makes one of each loss.
    kinds = keras.tree.map_structure(type, getattr(model, "outputs", None))
    return len(model.metrics) > 1 or kinds != [keras.KerasTensor]


def _has_keras_s_step(model):
    return type(model).train_step is keras.Model.train_step


def _specs(iterator):
    """Returns the `tf.TensorSpec`s of a batch, None for parts its source left out."""

    def unbox(spec):
        # Keras takes what a generator gives as None into an optional.
        return None if isinstance(spec, tf.OptionalSpec) else spec

    return keras.tree.map_structure(unbox, iterator.element_spec)


def _symbolic(spec):
    return keras.KerasTensor(spec.shape, spec.dtype.name)
