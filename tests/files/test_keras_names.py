import subprocess
import sys

import keras

from tests import tiny
from tests.processes import Command
from tfvae.files.keras_names import CLASSES
from tfvae.models import MODELS

LOAD = """
import sys
{imports}
model = keras.models.load_model(sys.argv[1])
print(type(model).__module__, type(model).__name__)
"""
WITHOUT = "assert 'tensorflow_probability' not in sys.modules"


def test_every_registered_class_has_its_name():
    assert {cls.__name__ for cls in MODELS.values()} < set(CLASSES)
    registered = {name for name in keras.saving.get_custom_objects() if name.startswith("tfvae>")}
    assert registered == {f"tfvae>{name}" for name in CLASSES}
    for name, module in CLASSES.items():
        cls = vars(sys.modules[f"tfvae.{module}"])[name]
        assert keras.saving.get_registered_name(cls) == f"tfvae>{name}"


def test_keras_loads_a_model_after_the_library_is_imported(tmp_path):
    path = tmp_path / "model.keras"
    tiny.make("factor_vae").save(path)
    # Keras is imported after the library, or is there already, as in every process of `Command`.
    after = LOAD.format(imports=f"import tfvae\nimport keras\n{WITHOUT}")
    fresh = subprocess.Popen(
        [sys.executable, "-c", after, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    forked = Command("-c", LOAD.format(imports="import keras\nimport tfvae"), path)
    for process, (out, err) in [(each, each.communicate()) for each in (forked, fresh)]:
        assert process.returncode == 0, err
        assert out.split() == ["tfvae.models.factor_vae", "FactorVAE"]
