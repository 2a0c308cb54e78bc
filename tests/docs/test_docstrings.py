"""The examples in the docstrings of public objects run, and give what they show."""

import doctest
import inspect
from types import FunctionType

import numpy as np
import pytest

import tfvae
from tests.docs.test_reference import ENTRIES, found

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# Public objects without an example. A new one has an example; nothing is added here.
WITHOUT = {
    "tfvae.InfoGAN",
    "tfvae.InfoWGANGP",
    "tfvae.analysis.batch_total_correlation.batch_total_correlation",
    "tfvae.analysis.category_accuracy.category_accuracy",
    "tfvae.analysis.iwae.log_marginal_likelihood",
    "tfvae.analysis.sensitivity.sensitivity",
    "tfvae.analysis.total_correlation.total_correlation",
    "tfvae.analysis.training_curves.read_scalars",
    "tfvae.codes.ActiveRule",
    "tfvae.codes.Capabilities",
    "tfvae.codes.latent_information",
    "tfvae.codes.latent_kl",
    "tfvae.cyclical_annealing",
    "tfvae.data.register_data",
    "tfvae.export.Provenance",
    "tfvae.export.SavedDecoder",
    "tfvae.export.SavedEncoder",
    "tfvae.export.export_onnx",
    "tfvae.export.export_tflite",
    "tfvae.export.onnx_runner",
    "tfvae.export.record_scores",
    "tfvae.export.tflite_runner",
    "tfvae.export_decoder",
    "tfvae.linear_annealing",
    "tfvae.loading.Trained",
    "tfvae.loading.load_checkpointed",
    "tfvae.models.AdversarialVAE",
    "tfvae.models.Model",
    "tfvae.plots.agreement.plot_agreement",
    "tfvae.plots.batch_total_correlation.plot_batch_total_correlation",
    "tfvae.plots.curves.plot_curves",
    "tfvae.plots.generated.plot_reconstructions",
    "tfvae.plots.generated.reconstructions_under_noise",
    "tfvae.plots.marginals.plot_marginals",
    "tfvae.plots.sensitivity.plot_sensitivity",
    "tfvae.plots.study.plot_by_step",
    "tfvae.plots.study.plot_by_strength",
    "tfvae.plots.study.save_figures",
    "tfvae.plots.tiles.save_png",
    "tfvae.plots.trade_off.plot_trade_off",
    "tfvae.plots.traversals.Traversals",
    "tfvae.plots.traversals.draw_traversals",
    "tfvae.plots.traversals.plot_traversals",
    "tfvae.plots.traversals.save_gif",
    "tfvae.register_data",
    "tfvae.report.page.write_report",
    "tfvae.serving.Client",
    "tfvae.serving.ServingError",
    "tfvae.studies.runner.run_study",
    "tfvae.studies.table.read_table",
    "tfvae.zoo.load_model",
}


def examples(name):
    """The examples of an object and its public methods, with np and tfvae imported."""
    value = found(name)
    methods = vars(value).items() if inspect.isclass(value) else ()
    described = [(f"{name}.{key}", each) for key, each in methods if isinstance(each, FunctionType | property)]
    for label, each in [(name, value), *described]:
        text = inspect.getdoc(each) or ""
        if ">>>" in text:
            yield doctest.DocTestParser().get_doctest(text, {"np": np, "tfvae": tfvae}, label, label, 0)


# Packages, modules and tables of names are described where their members are.
OBJECTS = [name for name in ENTRIES if inspect.isclass(found(name)) or inspect.isfunction(found(name))]


@pytest.mark.parametrize("name", [name for name in OBJECTS if any(examples(name))])
def test_examples_give_what_they_show(name, workplace, eager):
    for test in examples(name):
        report = []
        doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
        assert report == [], "".join(report)


def test_public_objects_have_examples():
    assert {name for name in OBJECTS if not any(examples(name))} == WITHOUT
