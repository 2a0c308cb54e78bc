"""What may import what, and who may ask an object what it has: read from the sources, without running them."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tfvae.models import MODELS

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for top in ("tfvae", "tools") for path in (ROOT / top).rglob("*.py"))

# Places that ask an object whether it has an attribute. Models and data declare what they can do instead.
PROBES = {
    ("tfvae/data/columns.py", "getattr(table, 'columns', ())"): "a DataFrame of pandas, which is not imported",
    ("tfvae/data/factor_table.py", "getattr(continuous, 'index', None)"): "a Series of pandas, which is not imported",
    ("tfvae/models/ends.py", "getattr(vars(layer).get('activation'), '__name__', None)"): "a layer that is not known",
    ("tfvae/studies/processes.py", "hasattr(os, 'sched_getaffinity')"): "the operating system",
    ("tools/benchmark/flops.py", "hasattr(layer, 'kernel')"): "a layer of Keras that is not known",
    ("tools/benchmark/machine.py", "hasattr(os, 'sched_getaffinity')"): "the operating system",
    ("tools/benchmark/timing.py", "hasattr(os, 'sched_getaffinity')"): "the operating system",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The imports that run when a module is imported: those outside of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from statements(child)


def lazy_names(package: str) -> dict[str, str]:
    """Where a package's stub finds the names that it loads when they are used."""
    stub = MODULES[package].with_suffix(".pyi") if package in MODULES else Path("none")
    if not stub.exists():
        return {}
    found = {}
    for node in statements(ast.parse(stub.read_text())):
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        for alias in node.names:
            found[alias.name] = f"{package}.{node.module}" if node.module else f"{package}.{alias.name}"
    return found


def imports_of(path: Path) -> set[str]:
    """The modules of this repository that a module imports as it is imported."""
    found = set()
    for node in statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 0, path
        for alias in node.names:
            module = f"{node.module}.{alias.name}"
            found.add(module if module in MODULES else lazy_names(node.module or "").get(alias.name, node.module or ""))
    return {module for module in found if module.split(".")[0] in ("tfvae", "tools", "tests")} - {module_name(path)}


def package_of(module: str) -> str:
    """The folder of tfvae/ that a module is in, or the module at its root."""
    return module.split(".")[1] if "." in module else module


GRAPH = {name: imports_of(path) for name, path in MODULES.items()}


def assert_no_cycle(graph: dict[str, set[str]]) -> None:
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(f"These import each other: {' <- '.join(error.args[1])}")


def test_imports_are_read_from_statements_and_stubs(tmp_path):
    assert "tfvae.files.atomic" in GRAPH["tfvae.experiment"]
    assert lazy_names("tfvae")["train"] == "tfvae.training.train"
    assert not any(module.startswith("tfvae.training") for module in GRAPH["tfvae.cli.train"])  # within a function


def test_no_modules_import_each_other():
    assert_no_cycle(GRAPH)


def test_no_packages_import_each_other():
    graph: dict[str, set[str]] = {}
    for name, found in GRAPH.items():
        if name.startswith("tfvae."):
            own = package_of(name)
            others = {package_of(module) for module in found if module.startswith("tfvae.")} - {own}
            graph.setdefault(own, set()).update(others)
    assert_no_cycle(graph)


def test_the_package_imports_neither_tools_nor_tests():
    # Also within functions.
    for path in (path for path in SOURCES if path.is_relative_to(ROOT / "tfvae")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"tools", "tests"}, path


@pytest.mark.parametrize(
    "statement",
    [
        "import tfvae; dir(tfvae)",
        "from tfvae.metrics import score; score([[0.0], [1.0]], [[0], [1]], metrics=[])",
        "from tfvae.cli import main; main(['--help'])",
        "from contextlib import suppress\nfrom tfvae.cli import main\nwith suppress(SystemExit): main(['zoo'])\n",
        "from tfvae import zoo; zoo.load_scores(zoo.names()[0])",
    ],
)
def test_what_needs_no_tensorflow_does_not_load_it(statement):
    heavy = f"{statement}\nimport sys; print(sorted({{'tensorflow', 'keras'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_root_of_the_package_has_a_module_for_each_thing_that_users_do_and_folders():
    files = {path.name for path in (ROOT / "tfvae").iterdir() if path.is_file()}
    modules = {"evaluation.py", "experiment.py", "loading.py", "replicas.py", "zoo.py"}
    assert files == {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"} | modules


def probes(path: Path) -> Iterator[str]:
    """The calls that ask an object whether it has an attribute, or is one of our models."""
    models = {cls.__name__ for cls in MODELS.values()}
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        match node.func.id, node.args:
            case "hasattr", _:
                yield ast.unparse(node)
            case "getattr", [_, name, *default] if default or isinstance(name, ast.Constant):
                yield ast.unparse(node)  # without a default, and by a name in a variable, it must have the attribute
            case "isinstance" | "issubclass", [_, kind] if models & {
                each.id for each in ast.walk(kind) if isinstance(each, ast.Name)
            }:
                yield ast.unparse(node)


def test_what_a_model_or_data_can_do_is_declared_and_not_probed():
    found = {(path.relative_to(ROOT).as_posix(), probe) for path in SOURCES for probe in probes(path)}
    assert found == PROBES.keys()


def test_probes_are_found(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "a = hasattr(model, 'decode')\nb = getattr(model, 'decode', None)\nc = getattr(model, 'decode')\n"
        "d = isinstance(model, (str, InfoGAN))\ne = getattr(model, name)\nf = isinstance(model, str)\n"
    )
    assert len(list(probes(path))) == 4
