"""Measures a training step inside of it, in a few kilobytes a weight."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xorlab.steps import batch, exact, naming
from xorlab.steps.finite import BatchCheck
from xorlab.steps.observe import Update
from xorlab.steps.outputs import LayerOutputs
from xorlab.steps.statistics import StepStatistics
from xorlab.steps.updates import Updates, array, kept


class StepMonitor:
    """An observer (see `observe.observed`) that keeps the statistics of the last step.

    Counting happens inside the step, so that a histogram takes 8 KiB whatever the size
    of the weight. Under a distribution strategy it is of the whole global batch.

    Args:
        model: built.
        optimizers: those that may update it, by name.
        activations: count the outputs of the model's layers too.
        patterns: of the layers to measure, as in `naming.chosen_layers`.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        activations: bool,
        patterns: Sequence[str] | None = None,
    ):
        self._now = next(iter(optimizers.values())).iterations
        replicas = model.distribute_strategy.num_replicas_in_sync
        chosen = naming.chosen_layers(model, patterns)
        all_weights = naming.weights_of(model)
        weights = {x: v for x, v in all_weights.items() if naming.layer_of(x) in chosen}
        self.weights = weights
        self._left_out = {id(v) for x, v in all_weights.items() if x not in weights}
        layers = naming.layers_seen(model).items() if activations else ()
        self.layers = {x: layer for x, layer in layers if x in chosen}
        self._updated_by: dict[int, str] = {}
        with model.distribute_strategy.scope():
            self._updates = {
                name: Updates(weights, may_hold=replicas == 1) for name in optimizers
            }
            self._outputs = LayerOutputs(self.layers, self._now)
            self._batch = BatchCheck()
            # The number of the first place in a batch that was not finite, and the
            # loss, and what it holds: of the first replica's part, which costs the
            # others no word.
            self._of_batch = kept([2 + batch.SIZE], tf.float64)

    def read(self) -> list[StepStatistics]:
        """Returns what the last observed execution did, by each optimizer that updated.

        None does where loss scaling skips a step, or a micro-batch only accumulates.
        Of several steps, it is each weight's last update.
        """
        # They hold tensors.
        self._outputs.clear()
        self._batch.clear()
        told = []
        for name, updates in self._updates.items():
            statistics = updates.read()
            if statistics is not None:
                statistics.optimizer = name
                told.append(statistics)
        if told:
            first = told[0]
            of_batch = array(self._of_batch)
            place, loss = of_batch[:2].tolist()
            first.batch_not_finite = self._batch.place(int(place))
            first.batch = batch.BatchFacts.of(of_batch[2:])
            for statistics in told:
                statistics.loss = loss
            if self.layers:
                first.layers, counts, ends = self._outputs.counts()
                first.counts = np.concatenate([first.counts, counts])
                first.ends = np.concatenate([first.ends, ends])
                first.returned = self._outputs.returned
                first.units = self._outputs.units()
                first.flat = self._outputs.flat()
        return told

    def before_update(self, update: Update) -> None:
        self._outputs.begin_update()
        update = self._of_chosen(update)
        updates = self._updates[update.optimizer]
        updates.before(update)
        for variable in update.variables:
            first = self._updated_by.setdefault(id(variable), update.optimizer)
            if first != update.optimizer:
                updates.rename(variable, update.optimizer)

    def at_update(
        self, update: Update, gradients: Sequence[tf.Tensor]
    ) -> Sequence[tf.Tensor]:
        pairs = zip(update.variables, gradients, strict=True)
        gradients = [x for v, x in pairs if id(v) not in self._left_out]
        whole = [*gradients, self._batch.lost(), *self._outputs.passing()]
        replicas = tf.distribute.get_replica_context()
        if replicas is not None and replicas.num_replicas_in_sync > 1:
            whole = replicas.all_reduce(tf.distribute.ReduceOp.SUM, whole)
        n = len(gradients)
        gradients, lost, passing = whole[:n], whole[n], whole[n + 1 :]
        place = tf.cast(self._batch.first(lost), tf.float64)
        told = tf.stack([place, self._batch.loss()])
        self._of_batch.assign(tf.concat([told, self._batch.numbers()], 0))
        self._outputs.keep(passing)
        update = self._of_chosen(update)
        return self._updates[update.optimizer].at(update, gradients)

    def after_update(self, update: Update) -> None:
        self._updates[update.optimizer].after(self._of_chosen(update))

    def _of_chosen(self, update):
        """An update without the weights that are not to be measured."""
        variables = [v for v in update.variables if id(v) not in self._left_out]
        return dataclasses.replace(update, variables=variables)

    def at_failure(self, error: Exception) -> None:
        raise error

    def at_data(self, data: Any) -> None:
        self._batch.begin(data)

    def at_loss(self, loss: Any) -> None:
        if tf.is_tensor(loss):
            with tf.control_dependencies([tf.convert_to_tensor(self._now)]):
                self._batch.add_loss(exact.read_again(loss))

    def at_output(self, layer: keras.Layer, output: Any) -> None:
        self._outputs.add(layer, output)
