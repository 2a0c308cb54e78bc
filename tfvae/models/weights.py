"""Weights of an objective that can be set during training."""

from typing import Any, Self, overload

import tensorflow as tf


class Weight:
    """A number of an objective, as an attribute of a model that can be set at any time, also by a callback of `fit`.

    While it is never set during training, a step is compiled with the number itself. The first time that it is, the
    step is traced again and reads a variable from then on, so that a schedule costs one retrace. The variable belongs
    to no weights: files have the number in the model's configuration.

    `tfvae.ScheduleWeights` sets weights by a function of the step or the epoch.

    Args:
        positive: whether it has to be above 0, not only at least 0.
    """

    def __init__(self, *, positive: bool = False) -> None:
        self.positive = positive

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, model: None, owner: type) -> Self: ...
    @overload
    def __get__(self, model: object, owner: type) -> float: ...
    def __get__(self, model: object | None, owner: type) -> Any:
        if model is None:
            return self
        attributes = vars(model)
        if self.name not in attributes:
            raise AttributeError(f"{owner.__name__} has not set {self.name!r}")
        variable = attributes.get(self._variable)
        return attributes[self.name] if variable is None or not tf.inside_function() else variable.value()

    def __set__(self, model: Any, value: Any) -> None:
        least = "above 0" if self.positive else "of at least 0"
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not (number > 0 if self.positive else number >= 0) or isinstance(value, str):
            raise ValueError(f"Expected {self.name} {least}. Received: {self.name}={value!r}")
        if not isinstance(value, int | float):
            value = number  # of a tensor or an array: files have plain numbers
        # Past Keras's own `__setattr__`, which would count the variable among the model's.
        attributes = vars(model)
        attributes[self.name] = value
        if self._variable in attributes:
            attributes[self._variable].assign(value)
        elif attributes.get("train_function") is not None or attributes.get("test_function") is not None:
            with model.distribute_strategy.scope():
                attributes[self._variable] = tf.Variable(float(value), trainable=False, dtype=tf.float32)
            # `fit` makes its function before the first epoch, `evaluate` each time that it has none.
            model.test_function = None
            if model.train_function is not None:
                model.make_train_function(force=True)

    @property
    def _variable(self) -> str:
        return f"_variable_of_{self.name}"


def weights_of(model: type) -> tuple[str, ...]:
    """The names of the weights that a class of models and its parents declare."""
    attributes = (each for cls in model.__mro__ for each in vars(cls).items())
    return tuple(dict.fromkeys(name for name, attribute in attributes if isinstance(attribute, Weight)))
