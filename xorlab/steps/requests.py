"""What is asked of single steps of a running `fit`; nothing is added to the others."""

import contextlib
import functools
import weakref
from collections.abc import Callable

import keras
import tensorflow as tf

from xorlab.steps.direct import DirectStep
from xorlab.steps.hooks import Wrapped
from xorlab.steps.monitor import StepMonitor
from xorlab.steps.observe import observed
from xorlab.steps.statistics import StepStatistics


class StepRequests:
    """Shows single executions of one model's `fit` to any of its callbacks that ask.

    A second train function, traced with a monitor inside, takes the place of Keras's
    own for the executions whose statistics are asked for. All others run the steps they
    always ran.

    Attributes:
        activations: whether statistics count the outputs of layers.
    """

    _of_model = weakref.WeakValueDictionary()

    @classmethod
    def of(cls, model: keras.Model) -> "StepRequests":
        """Returns the one that the callbacks of this model share."""
        # It holds the model: while it lives, no other has that id.
        shared = cls._of_model.get(id(model))
        if shared is None:
            shared = cls._of_model[id(model)] = cls(model)
        return shared

    def __init__(self, model: keras.Model):
        self._model = model
        self.activations = False
        self._hooks = contextlib.ExitStack()
        self._stand_in = None
        # Dicts: where another callback puts its function in our place, asked twice.
        self._tell_batch = {}
        self._tell_statistics = {}
        self._direct_for = None
        self._made_for = None, False

    def request_batch(self, tell: Callable):
        """Asks, from `on_train_batch_begin`, what the coming execution is given.

        Args:
            tell: is called after it with a batch's `tf.TensorSpec`s.
        """
        self._tell_batch[tell] = None
        self._take_place()

    def request_statistics(self, tell: Callable[[StepStatistics], None]):
        """Asks, from `on_train_batch_begin`, what the coming execution does.

        Args:
            tell: is called after it with the statistics, unless it updates nothing.
        """
        self._tell_statistics[tell] = None
        self._take_place()

    def request_direct_call(self):
        """Asks, from `on_train_batch_begin`, for less around the coming execution.

        The time that saves between logged steps pays for them.
        """
        self._take_place()

    def _take_place(self):
        if self._model.train_function is self._stand_in:
            return
        self._give_place()
        self._stand_in = functools.partial(self._run, self._model.train_function)
        self._put(self._stand_in)
        # `fit` begins with it, and it ends what an exception has left in place.
        hook = (self._model, "make_train_function", self._make_train_function)
        self._hooks.enter_context(Wrapped(hook))

    def _put(self, train_function):
        # Not by setattr, with which Keras looks for weights in what it is given.
        vars(self._model)["train_function"] = train_function

    def _give_place(self):
        self._hooks.close()
        present = self._model.train_function
        # Not if a `compile` has cleared it, or another callback stands before it; but
        # also if that has kept an old one, and put it back.
        if isinstance(present, functools.partial) and present.func == self._run:
            self._put(*present.args)
        self._stand_in = None

    def withdraw(self):
        """Leaves the model as it was, whatever has been asked for."""
        self._give_place()
        self._tell_batch = {}
        self._tell_statistics = {}

    def _make_train_function(self, original, *args, **kwargs):
        self.withdraw()
        return original(*args, **kwargs)

    def _run(self, train_function, iterator):
        if self._stand_in is None:
            # Another callback has kept an old one, and nothing is asked for any more.
            return train_function(iterator)
        tell_batch, tell_statistics = self._tell_batch, self._tell_statistics
        self.withdraw()
        if tell_statistics:
            self._make_watched(train_function, iterator)
            with self._observed:
                logs = self._watched(iterator)
            if (statistics := self._monitor.read()) is not None:
                for tell in tell_statistics:
                    tell(statistics)
        else:
            if self._direct_for is not train_function:
                self._direct_for = train_function
                self._direct = DirectStep(self._model, train_function)
            logs = self._direct(iterator)
        if tell_batch:
            batch = _specs(iterator)
            for tell in tell_batch:
                tell(batch)
        return logs

    def _make_watched(self, train_function, iterator):
        # Keras's is a new one after each `compile`; until then what it has traced
        # holds, such as which layers are frozen. By identity, since another callback's
        # method, around Keras's, equals itself after a `compile`.
        made_for, with_activations = self._made_for
        if made_for is train_function and with_activations == self.activations:
            return
        if not self._model.built:
            inputs = keras.utils.unpack_x_y_sample_weight(_specs(iterator))[0]
            self._model(keras.tree.map_structure(_symbolic, inputs))
        self._monitor = StepMonitor(self._model, self.activations)
        layers = self._monitor.layers.values()
        self._observed = observed(self._model, self._monitor, layers)
        present = self._model.train_function
        self._model.make_train_function(force=True)
        self._watched = DirectStep(self._model, self._model.train_function)
        self._put(present)
        self._made_for = train_function, self.activations


def _specs(iterator):
    """Returns the `tf.TensorSpec`s of a batch, None for parts its source left out."""

    def unbox(spec):
        # Keras takes what a generator gives as None into a `tf.experimental.Optional`.
        return None if isinstance(spec, tf.OptionalSpec) else spec

    return keras.tree.map_structure(unbox, iterator.element_spec)


def _symbolic(spec):
    return keras.KerasTensor(spec.shape, spec.dtype.name)
