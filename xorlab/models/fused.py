"""A Keras functional model whose `fit` runs many full-batch steps as one program."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.checks import tensorflow_backend
from xorlab.models.layers import fused_products


@keras.saving.register_keras_serializable("xorlab")
class FusedModel(keras.Model):
    """A functional model for data so small that calling a step costs more than it.

    `fit` trains on all rows in every step, and makes `steps_per_execution` steps in
    one XLA program before the callbacks hear of it. Optimizer, loss, metrics and
    `train_step` are Keras's own.

        model = FusedModel(inputs, outputs)
        model.compile("adam", "mse", steps_per_execution=1000)
        model.fit(x, y, epochs=50)  # 50 × 1000 steps

    An epoch is one execution. Its logs are the loss and metrics of its last step, not
    their mean; a step whose loss is NaN or infinite ends the execution early.
    `steps_per_execution` may be changed between epochs at no cost.
    """

    steps_per_execution: int

    def compile(
        self,
        *args: Any,
        jit_compile: bool | str = True,
        run_eagerly: bool = False,
        **kwargs: Any,
    ) -> None:
        """Compiles as `keras.Model.compile` does, but with XLA unless told otherwise.

        Keras's own default, "auto", leaves XLA out where there is no accelerator.

        Raises:
            RuntimeError: Keras runs on another backend than TensorFlow.
        """
        tensorflow_backend()
        jit_compile = jit_compile and not run_eagerly
        super().compile(
            *args, jit_compile=jit_compile, run_eagerly=run_eagerly, **kwargs
        )

    def compile_from_config(self, config: dict) -> None:
        """Compiles a loaded model as it was; Keras leaves that to an own `compile`."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        *,
        batch_size: int | None = None,
        sample_weight: Any = None,
        verbose: int | str = "auto",
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, all rows of `x` and `y` in every step.

        Args:
            x: inputs, as arrays (one, a list or a dict), or a `tf.data.Dataset` of
                exactly one batch, targets and weights included.
            y: targets, as arrays.
            batch_size: None, or the number of rows.
            sample_weight: a weight a row, as an array.
            verbose: as for Keras; "auto" is a line an epoch, because Keras's bar counts
                batches, of which there is one.
            **kwargs: the other arguments of `keras.Model.fit` but `validation_split`
                and `steps_per_epoch`. Rows are not shuffled: their order within the one
                batch makes no difference.

        Returns:
            Keras's `History`: one entry an execution.

        Raises:
            ValueError: the data comes in more than one batch, or twice.
        """
        for name in ("validation_split", "steps_per_epoch"):
            if kwargs.get(name):
                raise ValueError(
                    f"{name}: expected none, since every step takes all rows; received "
                    f"{kwargs[name]}; use validation_data, steps_per_execution, epochs"
                )
        if not isinstance(x, tf.data.Dataset):
            x = _one_batch(x, y, sample_weight, batch_size)
        elif y is not None or sample_weight is not None:
            raise ValueError(
                "y, sample_weight: expected none beside a Dataset; put them into it"
            )
        elif (batches := int(x.cardinality())) != 1:
            raise ValueError(
                "x: expected a Dataset of exactly 1 batch; received one of "
                f"{batches if batches >= 0 else 'an unknown number of'}; "
                "batch it whole, or train with keras.Model"
            )
        kwargs["shuffle"] = False
        return super().fit(x, verbose=2 if verbose == "auto" else verbose, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluates as `keras.Model.evaluate` does."""
        with self._one_step_at_a_time():
            return super().evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predicts as `keras.Model.predict` does."""
        with self._one_step_at_a_time():
            return super().predict(*args, **kwargs)

    @contextlib.contextmanager
    def _one_step_at_a_time(self):
        """Inside, an execution is one batch: Keras's bar counts batches by it."""
        steps, self.steps_per_execution = self.steps_per_execution, 1
        try:
            yield
        finally:
            self.steps_per_execution = steps

    def make_train_function(self, force: bool = False) -> Callable:
        """Overrides Keras's hook: the function that `fit` calls once an epoch."""
        if self.train_function is not None and not force:
            return self.train_function

        def run_steps(batch, steps):
            def step(done, finite):
                self.reset_metrics()
                logs = self.train_step(batch)
                return done + 1, tf.math.is_finite(logs["loss"])

            with fused_products():
                tf.while_loop(
                    lambda done, finite: tf.logical_and(done < steps, finite),
                    step,
                    (tf.constant(0, tf.int64), tf.constant(True)),
                )
            return self.get_metrics_result()

        if not self.run_eagerly:
            run_steps = tf.function(run_steps, jit_compile=bool(self.jit_compile))

        def train_function(iterator):
            # As a tensor, so that another number of steps is not another program.
            steps = tf.constant(self.steps_per_execution, tf.int64)
            return run_steps(next(iterator), steps)

        self.train_function: Callable | None = train_function
        return train_function


def _one_batch(x, y, sample_weight, batch_size):
    """Makes a Dataset of one batch; to begin it anew each epoch costs little."""
    data = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    data = keras.tree.map_structure(_as_fed, data)
    rows = len(keras.tree.flatten(data)[0])
    if not rows:
        raise ValueError("x: expected at least 1 row; received 0; give it data")
    if batch_size not in (None, rows):
        raise ValueError(
            f"batch_size: expected None or all {rows} rows; "
            f"received {batch_size}; leave it out, or train with keras.Model"
        )
    options = tf.data.Options()
    # There is nothing to tune, and each epoch would wait for the thread that tunes.
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensors(data).with_options(options)


def _as_fed(array):
    """Keras's own conversion of what is fed to it: floats become its float type."""
    array = np.asarray(array)
    if np.issubdtype(array.dtype, np.floating):
        return array.astype(keras.config.floatx())
    return array
