import json

import keras
import numpy as np
import pytest

import tfvae
from tests import tiny
from tfvae.loading import load


@pytest.mark.parametrize("name", tiny.one_of_each("networks", "own_variables", "compile", "network_makers"))
def test_a_preset_gives_the_same_model_with_the_state_of_its_optimizers(name, tmp_path, eager):
    model = tiny.make(name)
    model.fit(tiny.examples(name, tiny.images(10)), batch_size=10, epochs=1, verbose=0)
    model.save_to_preset(tmp_path / "preset")
    same = tfvae.from_preset(tmp_path / "preset")
    assert type(same) is type(model)
    own, kept = ({k: v for k, v in each.get_config().items() if k not in model.networks} for each in (model, same))
    assert kept == own
    for network in model.networks:
        np.testing.assert_array_equal(tiny.weights(same, network), tiny.weights(model, network))
    np.testing.assert_array_equal(tiny.optimizer_state(same), tiny.optimizer_state(model))
    assert int(same.optimizer.iterations) == int(model.optimizer.iterations) > 0
    assert load(tmp_path / "preset").steps == int(model.optimizer.iterations)


def test_a_preset_has_the_layout_of_keras(tmp_path):
    model = tiny.make("vae")
    model.save_to_preset(tmp_path / "preset")
    names = {path.name for path in (tmp_path / "preset").iterdir() if path.is_file()}
    assert names == {"config.json", "metadata.json", "model.weights.h5", "manifest.json"}
    assert isinstance(keras.saving.load_model(tmp_path / "preset"), tfvae.VAE)
    keras.saving.save_model(model, tmp_path / "keras", zipped=False)  # without a manifest
    np.testing.assert_array_equal(
        tfvae.from_preset(tmp_path / "keras").encoder.get_weights()[0], model.encoder.get_weights()[0]
    )
    with pytest.raises(FileExistsError, match="preset exists"):
        model.save_to_preset(tmp_path / "preset")


def test_names_files_and_the_hub_are_presets_too(tmp_path, monkeypatch):
    assert isinstance(tfvae.from_preset("vae-dsprites"), tfvae.VAE)
    model = tiny.make("vae")
    model.save(tmp_path / "model.keras")
    assert isinstance(tfvae.from_preset(tmp_path / "model.keras"), tfvae.VAE)
    asked = []
    monkeypatch.setattr(keras.saving, "load_model", lambda handle: asked.append(handle) or model)
    assert tfvae.from_preset("hf://someone/shapes") is model
    assert asked == ["hf://someone/shapes"]
    monkeypatch.setattr(keras.saving, "load_model", lambda handle: model.encoder)
    with pytest.raises(ValueError, match=r"Expected a model of tfvae\. Received: a \w+ in hf://someone/other"):
        tfvae.from_preset("hf://someone/other")


@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize("file", ["config.json", "metadata.json", "model.weights.h5"])
@pytest.mark.parametrize("damage", ["cut", "lost"])
def test_a_damaged_preset_is_refused(damage, file, manifest, tmp_path):
    tiny.make("vae").save_to_preset(tmp_path / "preset")
    path = tmp_path / "preset" / file
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if not manifest:
        (tmp_path / "preset" / "manifest.json").unlink()
    if (damage, file, manifest) == ("cut", "metadata.json", False):
        assert isinstance(tfvae.from_preset(tmp_path / "preset"), tfvae.VAE)  # Keras does not read it
        return
    with pytest.raises(ValueError, match=r"Expected .*preset"):
        tfvae.from_preset(tmp_path / "preset")


def test_what_is_not_a_model_of_tfvae_is_refused(tmp_path):
    keras.saving.save_model(tiny.make("vae").encoder, tmp_path / "encoder", zipped=False)
    with pytest.raises(ValueError, match=r"Expected a model of tfvae\. Received: a \w+ in"):
        tfvae.from_preset(tmp_path / "encoder")
    config = json.loads((tmp_path / "encoder" / "config.json").read_text())
    (tmp_path / "encoder" / "config.json").write_text(json.dumps(config | {"registered_name": "x>Y", "module": None}))
    with pytest.raises(ValueError, match=r"Expected a preset that Keras can load\. Received: .*encoder"):
        tfvae.from_preset(tmp_path / "encoder")
    with pytest.raises(FileNotFoundError, match="a preset or SavedModel's folder"):
        tfvae.from_preset(tmp_path / "nothing")
