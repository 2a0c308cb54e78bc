"""How many steps a training has taken, as Keras callbacks count them."""

from collections.abc import Mapping
from typing import Any

import keras


class StepCounter(keras.callbacks.Callback):
    """Counts the steps of a training in `step`, over epochs, calls of `fit` and interruptions.

    `tfvae.train` states the first step in the callbacks' `params`, since an optimizer does not count the steps whose
    float16 gradients overflow.

    Args:
        first_step: int, how many steps the model has taken. By default, what `params["first_step"]` states when `fit`
            begins; where it states nothing, what the model's optimizer has counted.
    """

    def __init__(self, first_step: int | None = None) -> None:
        super().__init__()
        self.step = first_step or 0
        self.epoch_start = self.step  # the step at which the epoch began
        self._knows_first = first_step is not None

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if "first_step" in self.params:
            self.step = self.params["first_step"]
        elif not self._knows_first:
            self.step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        self._knows_first = True

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.epoch_start = self.step

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        # With steps_per_execution > 1, Keras calls this once for several steps, with the number of the last.
        self.step = self.epoch_start + batch + 1
