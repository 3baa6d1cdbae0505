"""Settings, each stated once: its default, its bounds, its flag and what it means. TensorFlow is not imported.

`field.py` says what a setting is, `groups.py` holds those of an inversion, `training.py` those of a training,
`tuning.py` those of a tuning, `editing.py` those of an editing, `shard.py` what a shard of a run is.
Constructors take the groups, `Job` is all of an inversion's, `tfinvert.cli` makes flags of their fields, and run.json
nests as they do.
"""

from tfinvert.settings.editing import EditSettings, EditsWanted, Motion
from tfinvert.settings.field import Settings, as_nest, by_flags, changed, check, flags_of, flat, made, of_nest
from tfinvert.settings.groups import (
    DEFAULT_INPUTS,
    DEFAULT_LIMITS,
    ENGINES,
    FITS,
    LEARNING_RATES,
    PIXEL_LOSSES,
    SCHEDULES,
    SMOOTHING,
    SMOOTHING_AT_CODE,
    SOLVERS,
    STEPS,
    EngineSettings,
    FeatureSettings,
    GeneratorSettings,
    ImageSettings,
    Inputs,
    Job,
    Limits,
    LossSettings,
    SecondStep,
    SolverSettings,
    Starts,
    Stopping,
)
from tfinvert.settings.shard import Shard
from tfinvert.settings.training import ScoreSettings, TrainingSettings
from tfinvert.settings.tuning import TuningSettings

__all__ = [
    "DEFAULT_INPUTS",
    "DEFAULT_LIMITS",
    "ENGINES",
    "FITS",
    "LEARNING_RATES",
    "PIXEL_LOSSES",
    "SCHEDULES",
    "SMOOTHING",
    "SMOOTHING_AT_CODE",
    "SOLVERS",
    "STEPS",
    "EditSettings",
    "EditsWanted",
    "EngineSettings",
    "FeatureSettings",
    "GeneratorSettings",
    "ImageSettings",
    "Inputs",
    "Job",
    "Limits",
    "LossSettings",
    "Motion",
    "ScoreSettings",
    "SecondStep",
    "Settings",
    "Shard",
    "SolverSettings",
    "Starts",
    "Stopping",
    "TrainingSettings",
    "TuningSettings",
    "as_nest",
    "by_flags",
    "changed",
    "check",
    "flags_of",
    "flat",
    "made",
    "of_nest",
]
