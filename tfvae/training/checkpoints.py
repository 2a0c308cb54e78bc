"""Checkpoints of a training, read back only when they are whole."""

import logging
import os
import re
import shutil
from pathlib import Path

import tensorflow as tf

from tfvae.files.atomic import flush, leftovers, make_folder, written_whole
from tfvae.models.base import Model

_LOG = logging.getLogger(__name__)


class Checkpoints:
    """The last two checkpoints of a model in a folder: step-<number>.index and step-<number>.data-...

    The files in the folder count, not the list `checkpoint` that TensorFlow's own tools read there: if it were lost or
    damaged, it would hide checkpoints that are whole.

    Args:
        model: compiled; its networks, optimizers and own variables are saved.
        folder: where the checkpoints are; the first one creates it.
    """

    def __init__(self, model: Model, folder: str | os.PathLike) -> None:
        # Not the whole model: its metrics start again in each epoch, and many replicas cannot read them everywhere.
        tracked = {name: getattr(model, name) for name in (*model.networks, *model.optimizers)}
        tracked |= {f"own_{place}": variable for place, variable in enumerate(model.own_variables)}
        self._checkpoint = tf.train.Checkpoint(**tracked)
        self._model = model
        self.folder = Path(folder)
        self.latest: Path | None = None  # the last one that was restored or saved

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step}"

    def steps(self) -> list[int]:
        """The steps that have a file, whole or not, in ascending order."""
        return self.steps_in(self.folder)

    @staticmethod
    def steps_in(folder: Path) -> list[int]:
        """The steps that have a file in `folder`, whole or not, in ascending order."""
        names = (re.match(r"step-(\d+)\.(index|data-.*)$", path.name) for path in folder.glob("step-*"))
        return sorted({int(name[1]) for name in names if name})

    def restore(self) -> int:
        """Restores the newest checkpoint that is whole and returns its step, or 0 if there are no checkpoints.

        Raises:
            OSError: when there are checkpoints, but none is whole. Nothing is deleted.
            ValueError: when the checkpoint is of another model.
        """
        faults: list[str] = []
        for step in reversed(self.steps()):
            path = self.path(step)
            if fault := fault_of(path):
                faults.append(fault)
                _LOG.warning("Skipping a damaged checkpoint: %s", fault)
                continue
            try:
                self._checkpoint.read(str(path)).assert_existing_objects_matched()
            except AssertionError as error:
                raise ValueError(f"{path} does not hold all of this model: {error}") from None
            self.latest = path
            return step
        if faults:
            raise OSError(
                f"No checkpoint in {self.folder} can be read ({'; '.join(faults)}). Nothing was changed: restore one "
                "from a backup, or choose a new folder to start again"
            )
        return 0

    def save(self, step: int) -> None:
        """Saves the model as that of `step`, and then removes all checkpoints but this one and the one before it.

        Raises:
            FloatingPointError: as `check_finite`.
            OSError: when it cannot be written. The last one stays, and nothing is left half written.
        """
        self.check_finite(step)
        path = self.path(step)
        try:
            make_folder(self.folder)
            self._checkpoint.write(str(path))
            # Nothing of the older one may go before this one is on the disk: the machine may stop at any time.
            flush(self.folder)
            with written_whole(self.folder / "checkpoint") as beside:
                beside.write_text(f'model_checkpoint_path: "{path.name}"\n')
        except (tf.errors.OpError, OSError) as error:
            self.remove_unfinished()
            raise OSError(
                f"The checkpoint of step {step} could not be written to {self.folder}: {_reason(error)}. When that is "
                f"fixed, the same command resumes from {self.latest or 'the start, as there is no earlier one'}"
            ) from error
        before, self.latest = self.latest, path
        for other in self.steps():
            if self.path(other) not in (before, path):
                for file in self.folder.glob(f"step-{other}.*"):
                    file.unlink()

    def check_finite(self, step: int) -> None:
        """Checks that the model's weights can be used after `step` steps: a loss shows only those before a step.

        Raises:
            FloatingPointError: when a weight that is trained is NaN or infinite, or another is NaN. The error names
                the last checkpoint.
        """
        networks = [getattr(self._model, name) for name in self._model.networks]
        for variable in (*(each for network in networks for each in network.variables), *self._model.own_variables):
            values = tf.convert_to_tensor(variable)
            if not values.dtype.is_floating:
                continue
            # Variables that are not trained may have infinities on purpose, such as masks.
            good = tf.math.is_finite(values) if variable.trainable else ~tf.math.is_nan(values)
            if not bool(tf.reduce_all(good)):
                raise FloatingPointError(
                    f"Training stopped at step {step}: the weights {variable.path} are not finite, and are not saved. "
                    f"Try a smaller learning rate in a new folder. Last good checkpoint: {self.latest or 'none'}"
                )

    def remove_unfinished(self) -> None:
        """Removes what a process left that was killed, or ran out of disk space, while it wrote a checkpoint."""
        for folder in self.folder.glob("step-*_temp"):
            shutil.rmtree(folder, ignore_errors=True)
        for file in leftovers(self.folder / "checkpoint"):
            file.unlink()


def fault_of(path: Path) -> str | None:
    """What is wrong with the files of a checkpoint, or None if it is whole.

    It reads all of them: the index and each tensor have a checksum (CRC-32C), which TensorFlow compares.
    """
    index = path.with_name(f"{path.name}.index")
    if not index.exists():
        return f"{index} is missing"
    try:
        reader = tf.train.load_checkpoint(str(path))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        return f"{path} is damaged: {' '.join(str(error).split())}"
    return None


def _reason(error: tf.errors.OpError | OSError) -> str:
    return error.message if isinstance(error, tf.errors.OpError) else str(error)
