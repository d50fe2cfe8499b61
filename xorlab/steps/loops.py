"""What is asked of single steps of a loop that a user wrote."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

from xorlab.steps import internals, measures, naming, traces
from xorlab.steps.guard import Guard
from xorlab.steps.hooks import Wrapped
from xorlab.steps.monitor import StepMonitor
from xorlab.steps.observe import observed
from xorlab.steps.statistics import StepStatistics

Tell = Callable[[list[StepStatistics] | Exception], None]


class LoopRequests:
    """Shows single steps of a loop to who asks; nothing is added to the others.

    A step is an update that is run eagerly, or a call of a `tf.function`, whatever it
    does. Where one is asked for, a clone of the function is called in its place, which
    is traced with a monitor inside, as are those that it calls: so it does not matter
    when the function itself was traced, and it stays as it is.

    Args:
        optimizer: the one that makes the updates.
        model: what it updates.
        activations: count the outputs of layers, too.
        patterns: of the layers to measure, as in `naming.chosen_layers`.
        after_step: is called after each step.
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        model: keras.Model,
        activations: bool,
        patterns: Sequence[str] | None,
        after_step: Callable[[], None],
    ):
        self._optimizer = optimizer
        self._model = model
        self._activations = activations
        self._patterns = patterns
        self._after_step = after_step
        self._tell: Tell | None = None
        self._watched: _Watched | None = None
        self._thread = threading.get_ident()
        self._is_inside = False  # Of a step that was asked for.
        self._has_traced_update = False
        # By id, each beside what it is of, whose id stays taken.
        self._clones: dict[int, tuple] = {}
        self._not_updating: dict[int, tuple] = {}
        # How many traces they had, and their clones, when these were found alike.
        self._traced: dict[int, list[int]] = {}

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Inside, steps are shown; outside, all is as it was."""
        layers = naming.layers_seen(self._model).items() if self._activations else ()
        chosen = [x for name, x in layers if naming.is_chosen(name, self._patterns)]
        hooks = Wrapped(
            (self._optimizer, "apply", self._apply),
            *((x, "call", functools.partial(self._output, x)) for x in chosen),
        )
        with hooks, internals.around_functions(self._call):
            yield

    def request(self, tell: Tell) -> None:
        """Asks for the next step that updates something.

        Args:
            tell: is called after it, as by `StepRequests`.
        """
        self._tell = tell
        weights = len(self._model.trainable_weights)
        # Those that the first step makes are not yet known.
        if weights != (self._watched.weights if self._watched else 0):
            self._watched = _Watched(
                self._optimizer, self._model, self._activations, self._patterns
            )
            self._clones.clear()
            self._traced.clear()

    def _apply(self, original, *args, **kwargs):
        if not tf.executing_eagerly():
            self._has_traced_update = True
        if self._is_inside or not tf.executing_eagerly():
            return original(*args, **kwargs)
        if self._tell and self._watched:
            with self._inside(self._watched):
                result = self._optimizer.apply(*args, **kwargs)
            self._answer(self._watched)
        else:
            result = original(*args, **kwargs)
        self._after_step()
        return result

    def _call(self, original, function, *args, **kwargs):
        is_not_asked = function in measures.PROGRAMS or self._is_elsewhere()
        if is_not_asked or tf.config.functions_run_eagerly():
            return original(function, *args, **kwargs)
        if self._is_inside:
            return original(self._clone(function), *args, **kwargs)
        if not tf.executing_eagerly():
            return original(function, *args, **kwargs)
        if self._tell and self._watched and self._trace(function, args, kwargs):
            with self._inside(self._watched):
                result = original(self._clone(function), *args, **kwargs)
            self._answer(self._watched)
        else:
            result = original(function, *args, **kwargs)
        self._after_step()
        return result

    def _is_elsewhere(self):
        """Whether another thread runs this; those of a trace are the step's own."""
        return tf.executing_eagerly() and threading.get_ident() != self._thread

    def _trace(self, function, args, kwargs):
        """Traces a function's clone; returns whether to call it in its place."""
        if id(function) in self._not_updating:
            return False
        self._has_traced_update = False
        watching = self._inside(self._watched)
        try:
            clone = self._clone(function)
            if self._traces_of(function, clone) == self._traced.get(id(function)):
                return True
            graph = traces.trace_alike(clone, function, watching, *args, **kwargs)
        except internals.NotWatchable as error:
            self._told(error)
            return False
        except Exception:
            return False  # The function itself says so.
        if id(function) not in self._traced:
            if not self._has_traced_update:
                self._not_updating[id(function)] = self._clones.pop(id(function))
                return False
            traces.warn_of_drawing(graph)
        self._traced[id(function)] = self._traces_of(function, clone)
        return True

    def _traces_of(self, *functions):
        return [each.experimental_get_tracing_count() for each in functions]

    def _clone(self, function):
        if id(function) not in self._clones:
            clone = internals.clone_of(function)
            self._clones[id(function)] = function, clone
        return self._clones[id(function)][1]

    def _output(self, layer, original, *args, **kwargs):
        output = original(*args, **kwargs)
        is_asked = self._is_inside or (self._tell and tf.executing_eagerly())
        if is_asked and self._watched and not self._is_elsewhere():
            with traces.added():
                self._watched.guard.at_output(layer, output)
        return output

    @contextlib.contextmanager
    def _inside(self, watched):
        self._is_inside = True
        try:
            with watched.observed:
                yield
        finally:
            self._is_inside = False

    def _answer(self, watched):
        told = watched.read()
        # If it has made weights, the next is watched with these.
        if told and len(self._model.trainable_weights) == watched.weights:
            self._told(told)

    def _told(self, told):
        tell, self._tell = self._tell, None
        if tell:
            tell(told)


class _Watched:
    """What watches the steps that are asked for, as long as the weights are these."""

    def __init__(self, optimizer, model, activations, patterns):
        roots = {"": optimizer}
        self.weights = len(model.trainable_weights)
        self._monitor = StepMonitor(model, roots, activations, patterns)
        self.guard = Guard(self._monitor)
        self.observed = observed(roots, self.guard)

    def read(self):
        try:
            return self.guard.failure or self._monitor.read()
        except Exception as error:
            return error
