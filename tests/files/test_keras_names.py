import subprocess
import sys

import keras
import pytest

from tests import tiny
from tfvae.files.keras_names import CLASSES
from tfvae.models import MODELS

LOAD = """
import sys
{imports}
assert "tensorflow_probability" not in sys.modules
model = keras.models.load_model(sys.argv[1])
print(type(model).__module__, type(model).__name__)
"""


def test_every_registered_class_has_its_name():
    assert {cls.__name__ for cls in MODELS.values()} < set(CLASSES)
    registered = {name for name in keras.saving.get_custom_objects() if name.startswith("tfvae>")}
    assert registered == {f"tfvae>{name}" for name in CLASSES}
    for name, module in CLASSES.items():
        cls = vars(sys.modules[f"tfvae.{module}"])[name]
        assert keras.saving.get_registered_name(cls) == f"tfvae>{name}"


@pytest.mark.parametrize("imports", ["import keras\nimport tfvae", "import tfvae\nimport keras"])
def test_keras_loads_a_model_after_the_library_is_imported(imports, tmp_path):
    model = tiny.make("factor_vae")
    model.save(tmp_path / "model.keras")
    command = [sys.executable, "-c", LOAD.format(imports=imports), tmp_path / "model.keras"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["tfvae.models.factor_vae", "FactorVAE"]
