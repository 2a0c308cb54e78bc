"""Keras's SwapEMAWeights, for a model with several optimizers."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import keras


class _SwapOfAnother(keras.callbacks.SwapEMAWeights):
    """Swaps the averages of another optimizer than `optimizer`, the only one that Keras swaps.

    Args:
        name: an attribute of the model.
        swap_on_epoch: as Keras's.
    """

    def __init__(self, name: str, swap_on_epoch: bool) -> None:
        super().__init__(swap_on_epoch=swap_on_epoch)
        self.name = name

    def set_model(self, model: keras.Model) -> None:
        # All that Keras reads of the model.
        super().set_model(SimpleNamespace(optimizer=getattr(model, self.name)))


def swapped_together(callbacks: Any, model: Any) -> Any:
    """The callbacks, with each SwapEMAWeights followed by one for each further optimizer that keeps averages.

    Args:
        callbacks: what `fit`, `evaluate` or `predict` takes. A `CallbackList` is returned as it is.
        model: a model of tfvae.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList) or not model.compiled:
        return callbacks
    others = [name for name in model.optimizers if name != "optimizer" and _keeps_averages(getattr(model, name))]
    found: list[keras.callbacks.Callback] = []
    for callback in callbacks if isinstance(callbacks, Sequence) else [callbacks]:
        found.append(callback)
        if isinstance(callback, keras.callbacks.SwapEMAWeights):
            found += [_SwapOfAnother(name, callback.swap_on_epoch) for name in others]
    return found


def _keeps_averages(optimizer: keras.optimizers.Optimizer) -> bool:
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return bool(optimizer.inner_optimizer.use_ema if scaled else optimizer.use_ema)
