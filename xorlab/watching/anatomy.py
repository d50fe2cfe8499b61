"""What a Keras model is, in the words of the evidence that is judged."""

import math
import re
from collections.abc import Sequence

import keras

from xorlab.diagnosis import Evidence, LayerFacts
from xorlab.steps import naming
from xorlab.steps.units import activation_of


def evidence_of(model: keras.Model, patterns: Sequence[str] | None = None) -> Evidence:
    """Says what is known of a model before it trains: layers, output, loss, optimizer.

    Args:
        model: built; of one that is not compiled, loss and optimizer stay unknown; of
            one that is not functional, or has several outputs, what its last layer is.
        patterns: of the layers that are watched, as in `naming.chosen_layers`.
    """
    loss_name, from_logits, ignored = _loss(getattr(model, "loss", None))
    last_activation, last_units = _output(model)
    optimizer = getattr(model, "optimizer", None)
    return Evidence(
        layers=_facts(model, patterns),
        optimizer=type(optimizer).__name__ if optimizer is not None else None,
        ignored_label=ignored,
        loss_name=loss_name,
        from_logits=from_logits,
        last_activation=last_activation,
        last_units=last_units,
    )


def what_if_unseen(model: keras.Model) -> str:
    """Says what to do where no step of `fit` updates anything that is seen."""
    if model.built and not model.trainable_weights:
        return (
            "no weight of this model is trainable: set trainable = True on its layers, "
            "and compile it again"
        )
    return "if train_step uses another, keep that as the model's attribute"


def _facts(model, patterns):
    layers = naming.layers_of(model)
    recurrent = naming.recurrent_layers_of(model)
    chosen = naming.chosen_layers(model, patterns)
    trainable = dict.fromkeys(map(naming.layer_of, naming.weights_of(model)))
    facts = [
        LayerFacts(
            name=name,
            kind=type(layer).__name__,
            activation=activation_of(layer),
            units=_units(layer),
            is_trainable=name in trainable if layer.weights else None,
            is_watched=name in chosen,
            is_recurrent=name in recurrent,
        )
        for name, layer in layers.items()
    ]
    own = [
        LayerFacts(name, is_trainable=True, is_watched=name in chosen)
        for name in trainable
        if name not in layers
    ]
    return (*facts, *own)


def _units(layer):
    if isinstance(layer, keras.layers.LayerNormalization) and layer.built:
        shape = (layer.get_build_config() or {}).get("input_shape")
        axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
        sizes = [shape[axis] for axis in axes] if shape else [None]
        return None if None in sizes else math.prod(sizes)
    scale = getattr(layer, "gamma", None)  # As many as a normalisation is over.
    if scale is not None:
        return math.prod(scale.shape)
    return getattr(layer, "units", None) or getattr(layer, "filters", None)


def _loss(loss):
    """Returns a loss's name, whether it takes raw scores, and a label that it ignores.

    None of several losses.
    """
    if isinstance(loss, list | tuple | dict) and len(loss) == 1:
        [loss] = loss.values() if isinstance(loss, dict) else loss
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        # The class's, as users may name their loss as they like.
        name = re.sub("(?<!^)(?=[A-Z])", "_", type(loss).__name__).lower()
        config = loss.get_config()
        return name, bool(config.get("from_logits", False)), config.get("ignore_class")
    if callable(loss):
        return getattr(loss, "__name__", None), False, None
    return None, None, None


def _output(model):
    """Returns the activation and the units of a model's one output, if it is known."""
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1:
        return None, None
    output = outputs[0]
    last = model.layers[-1]
    is_last = getattr(last, "output", None) is output
    return activation_of(last) if is_last else None, output.shape[-1]
