from pathlib import Path

from setuptools import find_packages, setup

# The zoo's folders are at the top of the repository; a wheel has them inside the package (see tfvae/zoo.py).
ENTRIES = {"tfvae.zoo_entries": "zoo", "tfvae.zoo_saved_models": "saved_models"}

# TensorFlow Serving's protocol: client stubs, and the base classes of the local server.
SERVING = ["tensorflow-serving-api>=2.20", "grpcio>=1.60", "aiohttp>=3.14"]

# Exports as ONNX. Older versions of tf2onnx need protobuf < 4, and TensorFlow a newer one.
ONNX = ["tf2onnx>=1.17", "onnx>=1.17", "onnxruntime>=1.20"]

# Pictures of phones in folder: data.
HEIC = ["pillow-heif>=0.18"]

# Codes and results of studies as DataFrames.
PANDAS = ["pandas>=2.2.2"]

# Studies on a cluster.
RAY = ["ray>=2.40"]

# The site of docs/.
DOCS = ["mkdocs>=1.6", "mkdocs-material>=9.7", "mkdocstrings-python>=2.0"]

setup(
    name="tfvae",
    version="0.1.0",
    description="Disentangled representation learning on TensorFlow 2 and Keras 3: FactorVAE and its peers",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The tfvae authors",
    license="Apache-2.0",
    keywords=[
        "disentanglement",
        "factorvae",
        "gan",
        "keras",
        "representation-learning",
        "tensorflow",
        "variational-autoencoder",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    packages=[*find_packages(include=["tfvae", "tfvae.*"]), *ENTRIES],
    package_dir=ENTRIES,
    package_data={
        "tfvae": [
            "py.typed",
            "**/*.pyi",
            "release/*.jinja",
            "report/assets/*",
            "serving/deployment/templates/**/*",
        ],
        **{package: ["**/*"] for package in ENTRIES},
    },
    # The pictures of the zoo are for readers of the repository: they would be a quarter of the wheel.
    exclude_package_data={package: ["**/*.png", "**/*.gif"] for package in ENTRIES},
    python_requires=">=3.11",
    entry_points={"console_scripts": ["tfvae = tfvae.cli:main"]},
    install_requires=[
        "tensorflow>=2.20,<3",
        "keras>=3.15.1,<4",  # older versions load files that run code in safe mode, see SECURITY.md
        "tensorflow-probability[tf]>=0.25",  # [tf] installs tf-keras, without which TFP cannot be imported
        "tensorflow-datasets>=4.9.9",
        "importlib_resources>=6.0",  # TensorFlow Datasets imports it without declaring it
        "numpy>=2.0,<3",
        "absl-py>=2.1",
        "scipy>=1.13",  # statistics of the metrics; 3D Cars' MATLAB files
        "scikit-learn>=1.6",  # classifiers and regressions of the metrics
        "lightgbm>=4.5",  # boosted trees on all cores
        "joblib>=1.4",  # metrics on all cores
        "threadpoolctl>=3.5",  # one thread a task, where tasks run on all cores
        "matplotlib>=3.9",  # figures
        "pillow>=10.4",  # pictures of any format
        "jinja2>=3.1",  # the report's page; it escapes what comes from names
        "tensorboard>=2.20",  # scalars during training
        "wrapt>=1.14",  # names that Keras finds once it is imported; TensorFlow brings it anyway
        "lazy_loader>=0.4",  # names that are imported when they are used
        "tqdm>=4.66",  # progress bars
        "platformdirs>=4.2",  # the place of the user's cache
        "pyarrow>=16",  # a study's table; TensorFlow Datasets needs it too
    ],
    extras_require={
        "test": [
            "pytest>=8.2",
            "pytest-xdist[psutil]>=3.6",  # runs the tests on all cores; psutil counts them
            "playwright>=1.48",  # drives Chromium in the report's test; skipped where there is no Chromium
            "pyyaml>=6.0",  # reads the manifests for Docker and Kubernetes
            "kubernetes-validate>=1.32",  # has the published schemas of Kubernetes
            "setuptools>=77",  # builds the wheel that a test installs
            "requests>=2.31",  # asks the local server, as other clients do
            *SERVING,
            *ONNX,
            *RAY,
            *HEIC,
            *PANDAS,
            *DOCS,  # a test builds the site
        ],
        "docs": DOCS,
        "serving": SERVING,
        "onnx": ONNX,
        "ray": RAY,
        "heic": HEIC,
        "pandas": PANDAS,
        "lint": ["ruff>=0.12", "mypy>=1.16", "pre-commit>=4.0", "uv>=0.5"],
    },
)
