"""Watching single steps of a running `fit`, and costing the other steps nothing."""

import weakref
from collections.abc import Callable

import keras

from xorlab.gradients import observed
from xorlab.monitor import StepMonitor, StepReport


def call_once(model: keras.Model, instead: Callable):
    """Has `fit` call `instead(train_function, iterator)` once for its train function.

    Args:
        model: in a `fit`, between `on_train_batch_begin` and the batch.
        instead: returns what the train function does.
    """
    train_function = model.train_function

    def once(iterator):
        model.train_function = train_function
        return instead(train_function, iterator)

    model.train_function = once


class SharedTap:
    """Reports on the steps of one model that any of its callbacks asks for.

    A second train function, traced with a monitor inside, takes the place of Keras's
    own for the executions that are asked for. All others run what they always ran.

    Attributes:
        activations: whether reports count the outputs of layers.
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
        self._made_for = None
        self._askers = []

    def request(self, tell: Callable[[Callable[[], StepReport]], None]):
        """Asks for a report on the execution that is about to begin.

        Args:
            tell: is called with what makes the report, see `StepMonitor.read`, unless
                the execution updates nothing.
        """
        if not self._askers:
            call_once(self._model, self._run_watched)
        self._askers.append(tell)

    def _run_watched(self, train_function, iterator):
        askers, self._askers = self._askers, []
        if not self._model.built:
            inputs = keras.utils.unpack_x_y_sample_weight(iterator.element_spec)[0]
            self._model(keras.tree.map_structure(_symbolic, inputs))
        # A new `compile`, or another set of trainable weights, needs a new trace.
        wanted = (
            self._model.optimizer,
            self.activations,
            [id(variable) for variable in self._model.trainable_variables],
        )
        if self._made_for != wanted:
            self._monitor = StepMonitor(self._model, self.activations)
            self._model.make_train_function(force=True)
            self._watched = self._model.train_function
            self._model.train_function = train_function
            self._made_for = wanted
        layers = self._monitor.layers.values()
        with observed(self._model, self._monitor, layers):
            logs = self._watched(iterator)
        make_report = self._monitor.read()
        if make_report is not None:
            for tell in askers:
                tell(make_report)
        return logs


def _symbolic(spec):
    return keras.KerasTensor(spec.shape, spec.dtype.name)
