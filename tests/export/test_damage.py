"""Whatever takes the folder of an export compares its files with its manifest before it loads them."""

import pytest

pytest.importorskip("tensorflow_serving")

from tfvae import loading
from tfvae.export import export_onnx, export_tflite, load_decoder, load_saved_model
from tfvae.files.manifest import write_manifest
from tfvae.serving.deployment.configuration import write_configuration
from tfvae.serving.local.version import Version

CONSUMERS = {
    "load_saved_model": load_saved_model,
    "load_decoder": load_decoder,
    "loading.load": loading.load,  # tfvae evaluate, traverse, generate, report and export
    "export_tflite": lambda folder: export_tflite(folder, folder / "x.tflite", {}),
    "export_onnx": lambda folder: export_onnx(folder, folder / "x.onnx", {}),
    "LocalServer": Version,  # tfvae serve
    "tfvae deploy": lambda folder: write_configuration(folder.parents[1], folder.parents[2] / "out"),
}


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_changed_file_is_named(consumer, tmp_path):
    if consumer == "export_onnx":
        pytest.importorskip("tf2onnx")
    folder = tmp_path / "models" / "name" / "1"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    write_manifest(folder)
    (folder / "saved_model.pb").write_bytes(b"other")
    with pytest.raises((ValueError, RuntimeError), match=r"saved_model\.pb as manifest\.json describes it"):
        CONSUMERS[consumer](folder)
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pb").symlink_to("/etc/hostname")
    with pytest.raises((ValueError, RuntimeError), match=r"saved_model\.pb, which is a link"):
        CONSUMERS[consumer](folder)
