"""Watching single steps of a running `fit`, and costing the other steps nothing."""

import contextlib
import weakref

import keras

from xorlab.gradients import observed
from xorlab.hooks import wrapped
from xorlab.monitor import StepMonitor, StepReport


class SharedTap:
    """Shows single executions of one model's `fit` to any of its callbacks that ask.

    A second train function, traced with a monitor inside, takes the place of Keras's
    own for the executions that a report is asked for. All others run what they always
    ran.

    Attributes:
        activations: whether reports count the outputs of layers.
        batch: what a step takes, as `tf.TensorSpec`s, seen in the last execution
            asked for.
        report: of the last execution that a report was asked for; None if it updated
            nothing.
    """

    _of_model = weakref.WeakValueDictionary()

    @classmethod
    def of(cls, model: keras.Model) -> "SharedTap":
        """Returns the tap that the callbacks of this model share."""
        tap = cls._of_model.get(id(model))
        if tap is None or tap._model is not model:
            tap = cls._of_model[id(model)] = cls(model)
        return tap

    def __init__(self, model: keras.Model):
        self._model = model
        self.activations = False
        self.batch = None
        self.report: StepReport | None = None
        self._hooks = contextlib.ExitStack()
        self._train_function = None  # Keras's, while this stands in its place.
        self._wants_report = False
        self._made_for = None

    def request(self, report: bool):
        """Asks for the execution that is about to begin, from `on_train_batch_begin`.

        Args:
            report: asks for a report; else the batch is all that is noted.
        """
        self._wants_report |= report
        if self._train_function is None:
            self._train_function = self._model.train_function
            self._model.train_function = self._run
            # `fit` begins with it, and it ends what an exception has left in place.
            self._hooks.enter_context(
                wrapped(self._model, "make_train_function", self._make_train_function)
            )

    def _withdraw(self):
        self._hooks.close()
        if self._model.train_function == self._run:  # A `compile` has cleared it.
            self._model.train_function = self._train_function
        self._train_function = None
        self._wants_report = False

    def _make_train_function(self, original, *args, **kwargs):
        self._withdraw()
        return original(*args, **kwargs)

    def _run(self, iterator):
        train_function, wants_report = self._train_function, self._wants_report
        self._withdraw()
        self.batch = iterator.element_spec
        if not wants_report:
            return train_function(iterator)
        self.report = None
        self._make_watched(train_function)
        layers = self._monitor.layers.values()
        with observed(self._model, self._monitor, layers):
            logs = self._watched(iterator)
        self.report = self._monitor.read()
        return logs

    def _make_watched(self, train_function):
        # Keras's is a new one after each `compile`; until then what it has traced
        # holds, such as which layers are frozen.
        wanted = (train_function, self.activations)
        if self._made_for == wanted:
            return
        if not self._model.built:
            inputs = keras.utils.unpack_x_y_sample_weight(self.batch)[0]
            self._model(keras.tree.map_structure(_symbolic, inputs))
        self._monitor = StepMonitor(self._model, self.activations)
        self._model.make_train_function(force=True)
        self._watched = self._model.train_function
        self._model.train_function = train_function
        self._made_for = wanted


def _symbolic(spec):
    return keras.KerasTensor(spec.shape, spec.dtype.name)
