"""All settings of an inversion, in groups. What each means is said here, and nowhere else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.settings.field import Settings, as_flag, setting, within
from tfinvert.settings.shard import Shard

PIXEL_LOSSES = ("mse", "l1", "huber", "bce")
STEPS = {  # the usual ones of each solver
    "adam": 500,
    "rmsprop": 500,
    "gd": 500,
    "lbfgs": 400,
    "levenberg_marquardt": 60,
    "gauss_newton_cg": 30,
    "cma": 1000,
}
SOLVERS = tuple(STEPS)
LEARNING_RATES = {"adam": 0.1, "rmsprop": 0.01, "gd": 1.0}  # the usual ones; other solvers have none
SCHEDULES = ("cosine", "constant", "exponential", "halving", "drop")  # the first is the usual one
SMOOTHING = (0.5, 0.05)  # the usual one behind a cut
SMOOTHING_AT_CODE = (0.3,)
FITS = ("crop", "pad", "stretch")
ENGINES = ("plain", "ray")


def _listed(usual: Mapping[str, float]) -> str:
    return ", ".join(f"{value:g} for {name}" for name, value in usual.items())


@dataclasses.dataclass(frozen=True)
class Limits(Settings):
    """What opening one file of a stranger may take: beyond it, the file is refused in one line."""

    megapixels: float = setting(
        64.0,
        "Of a picture, in millions of pixels (8000 x 8000); one with more is refused.",
        float,
        flag="max_megapixels",
        above=0,
    )
    gigabytes: float = setting(
        4.0,
        "Of memory (10^9 bytes) that loading a generator may take, and that an array or an archive's member may unfold "
        "to.",
        float,
        flag="max_gigabytes",
        above=0,
    )
    seconds: float = setting(
        45.0,
        "That loading a generator, with a trial on a few codes, or reading one picture, may take.",
        float,
        flag="max_seconds",
        above=0,
    )

    @property
    def pixels(self) -> int:
        return int(1e6 * self.megapixels)

    @property
    def bytes(self) -> int:
        return int(1e9 * self.gigabytes)

    @property
    def copied(self) -> int:
        """Bytes of what may be in memory four times at once: twice here, and twice in the process that is watched."""
        return self.bytes // 4


@dataclasses.dataclass(frozen=True)
class Inputs(Settings):
    """Which of a model's inputs is what, by name."""

    code: str | None = setting(
        None, "Name of the input that is the code; default: found by name, type and size.", flag="code_input"
    )
    label: str | None = setting(
        None, "Name of the input that takes the class; default: found by name, type and size.", flag="label_input"
    )
    drawn: Sequence[str] | None = setting(
        None,
        "Names of inputs, such as noise maps, that are drawn once from the standard normal and stay so for all images.",
        flag="drawn_inputs",
        several=True,
    )
    held: Sequence[str] | None = setting(
        None, "Names of inputs, such as masks, that are given for each image.", flag="held_inputs", several=True
    )
    class_entries: Sequence[int] | None = setting(
        None, "FIRST,END of the code's entries that are a one-hot class, such as 32,42.", int, several=True, open=True
    )


@dataclasses.dataclass(frozen=True)
class GeneratorSettings(Settings):
    """Which generator, and what its file does not say."""

    source: Any = setting(
        None,
        "A .keras or HDF5 file, a SavedModel or TF-Hub folder, also by URL (s3://, gs://), or a TF-Hub handle; "
        "default: the built-in glyph generator.",
        flag="generator",
        open=True,
    )
    prior: Any = setting(
        None,
        "normal, normal(stddev=0.5), uniform, uniform(low=0, high=1); normal(8, 8, 4) says the code's shape, too.",
        open=True,
    )
    value_range: Sequence[float] | None = setting(
        None, "What black and white are to the generator, such as -1,1 or 0,1.", float, several=True, open=True
    )
    image_shape: Sequence[int] | None = setting(
        None, "H,W,C of a generator whose output is flat, L,C of one that makes series.", int, several=True, open=True
    )
    inputs: Inputs = within(Inputs)
    classes: int | None = setting(
        None, "How many classes there are, where the generator's file does not say.", int, least=1
    )
    signature: str | None = setting(None, "Which of a SavedModel's signatures generates.")
    truncation: float | None = setting(None, "Of TF-Hub modules that take one, above 0 to 1; default 1.", float)
    behind: str | None = setting(
        None, "Take what stands behind this layer for the code, such as a mapping's end; default: the code itself."
    )
    allow_unsafe: bool = setting(False, "Load files that run code of their own. Only if you trust their author.", bool)


@dataclasses.dataclass(frozen=True)
class ImageSettings(Settings):
    """Which images, and how they become the generator's size and scale."""

    source: Any = setting(
        None,
        "Folder, glob, file, .npy, .npz[:key], idx(.gz), .zip[:folder], also by URL (s3://), or tfds:NAME[:split].",
        flag="images",
        open=True,
    )
    labels: Any = setting(
        None, "A class for all images, a file with one each, folders, search, or embedding.", open=True
    )
    fit: str = setting("crop", "What is done to images of other proportions.", choices=FITS)
    array_range: Sequence[float] | None = setting(
        None, "Scale of arrays' values, where their type does not say it, such as -1,1.", float, several=True, open=True
    )
    shown_channels: Sequence[int] | None = setting(
        None,
        "Channels that figures and pages show, of 1, 2, ..., such as 4,3,2; default: the first three.",
        int,
        several=True,
        least=1,
    )
    limit: int | None = setting(None, "Only the first so many images.", int, open=True)
    shuffle: bool = setting(False, "In an order drawn by --seed, so that --limit takes some from everywhere.", bool)


@dataclasses.dataclass(frozen=True)
class FeatureSettings(Settings):
    """A perceptual loss beside the pixels'."""

    layer: str | None = setting(
        None, "Layer of a perceptual loss beside the pixels', such as mixed8; default: none.", flag="features"
    )
    network: Any = setting(
        "InceptionV3", "InceptionV3, VGG16, VGG19, MobileNetV2 or a Keras file.", flag="features_network", open=True
    )
    weights: str = setting(
        "imagenet", "Those in Keras's cache, or a file of them without the top.", flag="features_weights", open=True
    )
    weight: float = setting(1.0, "Weight of the perceptual loss.", float, flag="features_weight", least=0)
    size: int | None = setting(
        None,
        "Height and width that images are brought to for it, such as the images' own; default: the network's.",
        int,
        flag="features_size",
        least=1,
    )


@dataclasses.dataclass(frozen=True)
class LossSettings(Settings):
    """What "the same image" means."""

    pixels: str = setting("mse", "Pixel loss, on the [0, 1] scale.", flag="loss", choices=PIXEL_LOSSES)
    features: FeatureSettings = within(FeatureSettings)
    prior_weight: float = setting(
        0.0, "Weight of -log P(z) / d beside the loss of images, constants left out.", float, least=0
    )


@dataclasses.dataclass(frozen=True)
class SolverSettings(Settings):
    """How codes are moved. What is None is as usual for the solver."""

    name: str = setting("lbfgs", "How codes are moved.", flag="solver", choices=SOLVERS)
    steps: int | None = setting(None, f"Steps at most; default: {_listed(STEPS)}.", int, least=1)
    learning_rate: float | None = setting(
        None, f"How far a step goes; default: {_listed(LEARNING_RATES)}; other solvers have none.", float, above=0
    )
    schedule: str | None = setting(None, f"How the learning rate falls; default: {SCHEDULES[0]}.", choices=SCHEDULES)


@dataclasses.dataclass(frozen=True)
class Starts(Settings):
    """From where the search for an image's code begins."""

    count: int = setting(4, "Starts per image; the best is kept.", int, flag="restarts", least=1)
    spread: float = setting(
        0.3, "How far from the prior's centre starts are drawn; 1 is the prior itself.", float, least=0, most=1
    )


@dataclasses.dataclass(frozen=True)
class Stopping(Settings):
    """When a start ends before the last step."""

    tolerance: float = setting(1e-10, "An image whose loss is at most this is done.", float)
    patience: int = setting(
        0,
        "An image that gained less than 1% over so many steps is done; 0 never. A falling rate makes it late.",
        int,
        least=0,
    )


@dataclasses.dataclass(frozen=True)
class SecondStep(Settings):
    """The search behind a cut, from what the code gives there."""

    at: Sequence[str] = setting(
        dataclasses.MISSING,
        "A second step behind this layer, such as first_dense; or behind several, from the code to the image, each "
        "from what the one before found; default: none.",
        flag="split",
        several=True,
    )
    sparsity: float | None = setting(
        None, "Weight of mean(|delta|) behind the split; default: by the layer's values.", float, least=0
    )
    steps: int = setting(1000, "Of the second step behind each cut, at most.", int, flag="second_steps", least=1)
    learning_rate: float | None = setting(
        None, "Of the second step; default: by the layer's values.", float, flag="second_learning_rate", above=0
    )
    solver: str = setting("lbfgs", "Of the second step.", flag="second_solver", choices=SOLVERS)
    schedule: str | None = setting(
        None, f"Of the second learning rate; default: {SCHEDULES[0]}.", flag="second_schedule", choices=SCHEDULES
    )
    smoothing: Sequence[float] | None = setting(
        None,
        f"Of the second step, as --smoothing; default: {','.join(map(str, SMOOTHING))} where the generator has kinks.",
        float,
        flag="second_smoothing",
        several=True,
        least=0,
    )

    def __post_init__(self) -> None:
        at = (self.at,) if isinstance(self.at, str) else self.at
        if not isinstance(at, Sequence) or not at or not all(isinstance(each, str) and each for each in at):
            raise BadInput(
                f"split={as_flag(at)!r}", "expected a layer's name, or several: the names of tfinvert.layers(generator)"
            )
        object.__setattr__(self, "at", at)
        super().__post_init__()


_LEAST_GPU = 1e-4  # Ray counts no smaller part of one


@dataclasses.dataclass(frozen=True)
class EngineSettings(Settings):
    """Where the work is done."""

    name: str = setting(
        "plain",
        "plain: in this process, one batch after the other; ray: by workers of Ray Data, here or on a cluster "
        "(pip install 'tfinvert[ray]').",
        flag="engine",
        choices=ENGINES,
    )
    address: str | None = setting(
        None, "Of a Ray cluster, such as auto or 10.0.0.1:6379; default: one of this machine, for this run only."
    )
    workers: int | None = setting(
        None, "Workers, each with the generator in its memory; default: as many as there is room for.", int, least=1
    )
    worker_cpus: int = setting(1, "Threads of each worker.", int, least=1)
    num_gpus: float = setting(0.0, "GPUs of each worker; 0.5 lets two share one.", float, least=0)
    worker_gigabytes: float | None = setting(
        None,
        "Of memory (10^9 bytes) that a worker may take before it is ended and begun anew; default: its share of the "
        "machine's.",
        float,
        above=0,
    )
    stall_seconds: float = setting(
        600.0,
        "That a worker may take for 25 steps of a batch (5 of solvers that compute Jacobians) before it is ended and "
        "begun anew.",
        float,
        above=0,
    )
    tries: int = setting(
        3, "How often an image that ends its worker is tried alone, before its row says that it is lost.", int, least=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        own = {field.name: field.default for field in dataclasses.fields(self) if field.name != "name"}
        given = [name for name, default in own.items() if getattr(self, name) != default]
        if self.name == "plain" and given:
            raise BadInput(f"--{given[0]} without --engine", "add --engine=ray, or leave it out")
        if 0 < self.num_gpus < _LEAST_GPU or (self.num_gpus > 1 and self.num_gpus % 1):
            raise BadInput(f"--num_gpus={self.num_gpus:g}", f"expected a whole number, or from {_LEAST_GPU} to 1")


@dataclasses.dataclass(frozen=True)
class Job(Settings):
    """Images through a generator's inversion into a folder."""

    out: str = setting(
        "runs/invert", "Folder for results/*.parquet, run.json, comparison.png and index.html.", open=True
    )
    generator: GeneratorSettings = within(GeneratorSettings)
    images: ImageSettings = within(ImageSettings)
    loss: LossSettings = within(LossSettings)
    solver: SolverSettings = within(SolverSettings)
    starts: Starts = within(Starts)
    stopping: Stopping = within(Stopping)
    smoothing: Sequence[float] | None = setting(
        None,
        "How far the generator's kinks (ReLU and the like) are smoothed, stage after stage, before it is "
        "inverted as it is, in units of what enters them, such as 0.5,0.05; 0 for not at all; default: "
        f"{','.join(map(str, SMOOTHING_AT_CODE))} for lbfgs, not at all for other solvers.",
        float,
        several=True,
        least=0,
    )
    beyond: SecondStep | None = within(SecondStep, optional=True)
    limits: Limits = within(Limits)
    engine: EngineSettings = within(EngineSettings)
    batch_size: int = setting(
        16, "Images at once; halved, for the rest of the run, where memory is short.", int, least=1
    )
    seed: int = setting(0, "Fixes all that is drawn.", int, least=0, most=2**32 - 1)
    shard: str | None = setting(
        None,
        "K/N: only the K-th of N shards, every N-th image from the K-th on, as one of N machines does; default: all.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        Shard.of(self.shard)


DEFAULT_LIMITS, DEFAULT_INPUTS = Limits(), Inputs()
