import dataclasses
import json
import sys
from pathlib import Path

import pytest

from tfvae import data
from tfvae.data.names import parse
from tfvae.experiment import Experiment
from tfvae.metrics import QUICK
from tfvae.models import MODELS
from tfvae.models.build import build_model, completed
from tfvae.studies.study import Evaluation, Study, digest, run_name
from tfvae.zoo import load_experiment

STUDIES = sorted((Path(__file__).parents[2] / "studies").rglob("*.json"))
BASE = {"model": "beta_vae", "optimizers": {}}


def loaded(path):
    """The study in a file, whose modules register what they do again: a test before may have imported them."""
    for name in json.loads(path.read_text()).get("import", []):
        sys.modules.pop(name, None)
    return Study.load(path)


def differing(experiments, *keys):
    return [tuple(getattr(each, key) for key in keys) for each in experiments.values()]


def test_each_combination_of_each_block_is_run_with_each_seed():
    grid = [{"parameters.beta": [1, 4], "latent_dim": [2, 3]}, {"model": "vae", "latent_dim": 5}]
    found = differing(Study(BASE | {"parameters": {}}, grid, seeds=(7, 8)).experiments(), "seed", "model", "latent_dim")
    one_seed = [("beta_vae", 2), ("beta_vae", 3), ("beta_vae", 2), ("beta_vae", 3), ("vae", 5)]
    assert found == [(seed, *rest) for seed in (7, 8) for rest in one_seed]


def test_dots_lead_into_whole_objects_that_the_grid_sets():
    grid = {"parameters.beta": 4, "parameters": {"likelihood": "gaussian"}, "optimizers.optimizer.beta_1": 0.5}
    base = {"model": "beta_vae", "parameters": {"beta": 1, "scale": 2.0}, "optimizers.optimizer": {"beta_2": 0.9}}
    (found,) = Study(base, [grid]).experiments().values()
    assert found.parameters == {"beta": 4, "likelihood": "gaussian", "scale": None}
    assert found.optimizers == {"optimizer": {"beta_1": 0.5, "beta_2": 0.9}}


def test_a_key_with_commas_sets_several_together():
    found = Study(BASE, [{"batch_size,steps": [[8, 100], [16, 50]]}]).experiments()
    assert differing(found, "batch_size", "steps") == [(8, 100), (16, 50)]


def test_blocks_that_overlap_are_run_once():
    study = Study(BASE, [{"parameters.beta": [1, 2.0]}, {"parameters.beta": [2, 3]}])
    assert [each.parameters["beta"] for each in study.experiments().values()] == [1, 2.0, 3]


def test_a_name_depends_on_the_experiment_alone():
    one = Study(BASE, [{"parameters.beta": [1, 4], "seed": 3}]).experiments()
    other = Study({}, [{"seed": [4, 3], "optimizers": {}, "model": "beta_vae", "parameters.beta": [4.0]}]).experiments()
    assert len({*one, *other}) == 3
    assert {name: one[name] for name in one if name in other} == {list(other)[1]: one[list(one)[1]]}
    assert digest({"a": 1, "b": [True, None]}) == digest({"b": [True, None], "a": 1.0})
    assert digest({"a": 1}) != digest({"a": True})
    # If it changed with a release, every study would start again.
    assert run_name(Experiment("factor_vae")) == "factor_vae-seed_0-348bec0dd868"
    assert run_name(completed(Experiment("factor_vae"))) == "factor_vae-seed_0-cb2f29e2aedd"
    for changes in ({"start_from": "a"}, {"supervision": {"labels": 100}}, {"parameters": {"standardised": True}}):
        assert run_name(Experiment("factor_vae", **changes)) != run_name(Experiment("factor_vae"))


def test_parameters_replace_those_of_a_quick_evaluation():
    arguments = Evaluation(["mig", "sap"], quick=True, parameters={"mig": {"repeats": 3}}).arguments()
    assert arguments["parameters"] == {"mig": {**QUICK["mig"], "repeats": 3}, "sap": QUICK["sap"]}
    assert Evaluation(["mig", "sap"]).arguments()["parameters"] == {}


def test_an_evaluation_has_the_digest_of_before_where_it_scores_as_before():
    evaluation = Study.from_dict({"experiment": BASE, "evaluation": {"ignore": ["shape"]}}).evaluation
    assert evaluation.arguments()["ignore"] == ("shape",)
    # If they changed with a release, every study would be scored again.
    for rule in ("kl", "kl:0.01"):
        assert Evaluation(active=rule).digest == "1e1a41895034"
        assert Evaluation(["mig"], quick=True, limit=10, active=rule).digest == "1f98c4fb6140"
    digests = [Evaluation(active=rule).digest for rule in ("information", "information:0.05", "kl", "spread", "all")]
    assert len(set(digests)) == 5
    assert Evaluation(active="information:0.02").digest == digests[0]
    assert Evaluation(active="spread").arguments()["active"] == "spread"
    assert evaluation.digest not in (Evaluation().digest, Evaluation(ignore=["scale"]).digest)


def test_the_experiment_may_be_a_name(tmp_path):
    base = Experiment("factor_vae", latent_dim=4)
    base.save(tmp_path / "base.json")
    values = {"experiment": "base.json", "grid": {"parameters.gamma": [1, 2]}, "evaluation": {"metrics": ["mig"]}}
    (tmp_path / "study.json").write_text(json.dumps(values))
    study = Study.load(tmp_path / "study.json")
    assert list(study.experiments().values()) == [
        completed(dataclasses.replace(base, parameters={"gamma": gamma})) for gamma in (1, 2)
    ]
    assert study.evaluation == Evaluation(["mig"])
    zoo = Study.from_dict({"experiment": "factor_vae-dsprites"})
    assert list(zoo.experiments().values()) == [completed(load_experiment("factor_vae-dsprites"))]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grids": []}, r"keys of a study .* Received: \['grids'\]"),
        ([], "Expected a study, an object"),
        ({}, "with an experiment, an object or a name. Received: experiment=None"),
        ({"experiment": "absent"}, "There is none at absent"),
        ({"experiment": {"bach_size": 3}}, r"experiment keys among .* Received: \['bach_size'\]"),
        ({"experiment": {}, "grid": {"model": ["vae", "bvae"]}}, r"With \{'model': 'bvae'\}: .* Received: 'bvae'"),
        ({"experiment": {}, "grid": {"model.depth": 3, "model": "vae"}}, "'model' of 'model.depth' to be an object"),
        ({"experiment": {}, "grid": {"steps,seed": [[1, 2], 3]}}, "Expected lists of 2 values for 'steps,seed'"),
        ({"experiment": {}, "grid": {"steps": []}}, "Expected a study of at least one run"),
        ({"experiment": {"seed": 1}, "seeds": [1]}, "Expected either seeds, or a seed"),
        ({"experiment": {}, "seeds": 3}, "Expected seeds to be a list"),
        ({"experiment": {}, "score_at": [0]}, r"score_at=\[0\]"),
        ({"experiment": {}, "score_at": [10**400]}, r"score_at=\[an integer of 1329 bits\]"),
        ({"experiment": {}, "seeds": [None]}, r"Expected seeds to be a list, each an integer.*seeds=\[None\]"),
        ({"experiment": {}, "seeds": [0, 2**20]}, r"seeds=\[0, 1048576\]"),
        ({"experiment": {}, "seeds": [True]}, r"seeds=\[True\]"),
        ({"experiment": {}, "time_limit": 0}, r"time_limit in seconds, > 0.*time_limit=0"),
        ({"experiment": {}, "time_limit": float("nan")}, r"time_limit=nan"),
        ({"experiment": {}, "time_limit": True}, r"time_limit=True"),
        ({"experiment": {}, "time_limit": "1h"}, r"time_limit='1h'"),
        ({"experiment": BASE, "grid": {"parameters.beta": [1, float("nan")]}}, r"parameters\.beta=nan"),
        ({"experiment": {}, "evaluation": {"images": 10**20}}, r"images=an integer of 67 bits"),
        ({"experiment": {}, "evaluation": {"metrics": ["mgi"]}}, r"Received: \['mgi'\]"),
        ({"experiment": {}, "evaluation": {"metrics": "mig"}}, "a list of names. Received: metrics='mig'"),
        ({"experiment": {}, "evaluation": {"limit": 1}}, "Received: limit=1"),
        ({"experiment": {}, "evaluation": {"quick": 1}}, "Received: quick=1"),
        ({"experiment": {}, "evaluation": {"ignore": "shape"}}, "list of names of factors. Received: ignore='shape'"),
        ({"experiment": {}, "evaluation": {"ignore": [0]}}, r"Received: ignore=\[0\]"),
        ({"experiment": {}, "evaluation": {"active": "most"}}, "Expected a rule for active latents.*Received: 'most'"),
        (
            {"experiment": {}, "evaluation": {"parameters": {"beta_vae": {"optimizer": "adagrad"}}}},
            r"'beta_vae' out of \['pairs', .*'classifier'.*Received: 'optimizer'",
        ),
    ],
)
def test_values_that_are_not_a_study_are_refused(values, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Study.from_dict(values)


def test_a_file_that_is_not_a_study_is_named(tmp_path):
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(ValueError, match=r"study.json"):
        Study.load(tmp_path / "study.json")
    with pytest.raises(FileNotFoundError, match=r"absent.json"):
        Study.load(tmp_path / "absent.json")


@pytest.mark.usefixtures("own_registrations")
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_of_the_repository_have_the_runs_of_their_figures(path):
    study = loaded(path)
    experiments = study.experiments()
    # For each study: its seeds, and its runs of each seed.
    seeds, runs = {
        "small": (2, 4),
        "quick_recipe": (3, 4),
        "every_model": (1, 18),
        "correlated_factors": (3, 96),
        "correlated_quick": (3, 10),
        "few_labels": (1, 3),
        "algorithm_2": (5, 4),
        "trade_off": (3, 3 + 2),
        "bfloat16": (3, 2),
        "figures_4_to_6": (10, 6 + 7),
        "figures_7_and_37": (5, 6),
        "figures_8_9_and_33": (10, 11),
        "figures_10_and_11": (10, 4 + 4),
        "figures_12_and_14": (5, 4 + 4),
        "figures_13_and_38": (5, 4 + 4),
        "figures_15_and_39": (5, 4 + 4),
        "figure_23": (10, 6 + 6),
        "figures_24_to_31": (5, 2 + 2),
        "figures_32_and_36": (5, 1),
        "figures_34_and_35": (10, 11),
    }[path.stem]
    assert len(set(study.seeds)) == seeds
    assert len(experiments) == seeds * runs
    names = {parse(each.data)[0].partition(":")[0] for each in experiments.values()}
    assert names <= {*data.DATASETS, *data.SOURCES}
    if names <= {"dsprites", "shapes3d"}:
        assert "factor_vae" in study.evaluation.metrics
    paper = {"figures_4_to_6": 300_000, "figures_7_and_37": 300_000, "figures_10_and_11": 500_000, "figure_23": 300_000}
    if path.stem in paper:
        assert {each.steps for each in experiments.values()} == {paper[path.stem]}
    if path.stem == "every_model":
        assert {each.model for each in experiments.values()} == {name for name in MODELS if "gan" not in name}


SHAPES = {"dsprites": (64, 64, 1), "faces": (64, 64, 1), "tfds:mnist": (28, 28, 1)}


@pytest.mark.usefixtures("own_registrations")
@pytest.mark.parametrize(
    "path", sorted(path for path in STUDIES if path.parent.name == "paper"), ids=lambda path: path.stem
)
def test_the_experiments_of_the_papers_figures_can_be_built(path):
    different = {}
    for each in loaded(path).experiments().values():
        key = SHAPES.get(each.data, (64, 64, 3)), each.model, each.architecture, each.latent_dim
        different[*key, each.parameters.get("categories")] = each
    for key, each in different.items():
        assert sizes_of(key, each) == (key[0], each.latent_dim)


_SIZES = {}


def sizes_of(key, experiment):
    """The shapes of the images and of the codes of a model, which is built once for all studies."""
    if key not in _SIZES:
        model = build_model(experiment, key[0])
        _SIZES[key] = model.image_shape, model.latent_dim
    return _SIZES[key]
