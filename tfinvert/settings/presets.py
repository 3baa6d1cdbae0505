"""Settings of papers, by their flags."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images": section 3
    # and their code. Means where the paper has norms; the class given, truncation 1.
    "pividori2019": {
        "split": "first_dense",
        "loss": "mse",
        "features": "mixed8",
        "features_network": "InceptionV3",
        "features_weight": 1.0,
        "prior_weight": 0.1,
        "sparsity": 10.0,
        "solver": "adam",
        "schedule": "drop",
        "learning_rate": 0.1,
        "steps": 15_000,
        "second_solver": "adam",
        "second_schedule": "drop",
        "second_learning_rate": 0.01,
        "second_steps": 15_000,
        "second_smoothing": [0.0],
        "restarts": 1,
        "spread": 0.001,
        "batch_size": 25,
    },
    # Creswell & Bharath, "Inverting the Generator of a Generative Adversarial Network": their code. Its weight of the
    # prior, 0.01, stands beside an error on [-1, 1], which is four times the one on [0, 1].
    "creswell2018": {
        "loss": "mse",
        "prior_weight": 0.0025,
        "solver": "rmsprop",
        "schedule": "constant",
        "learning_rate": 0.01,
        "steps": 5_000,
        "restarts": 1,
        "spread": 1.0,
    },
}
