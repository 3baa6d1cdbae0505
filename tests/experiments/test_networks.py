"""Players by their settings: what is built, and what cannot be."""

import numpy as np
import pytest
from small_runs import IMAGES, LABELS, SMALL

import tfinvert as ti
from tfinvert.experiments.networks import ARCHITECTURES, OBJECTIVES, PRIORS, build
from tfinvert.experiments.training import train
from tfinvert.gans.views import CHANGES
from tfinvert.settings import TrainingSettings, flags_of


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"widths": (8, 8, 8, 4)}, "widths=8,8,8,4 for images of 28: expected 1 to 3"),
        ({"widths": ()}, "widths= for images of 28: expected 1 to 3"),
        ({"architecture": "style", "classes": 3}, "architecture=style with classes: .*leave out --by_class"),
        ({"architecture": "style", "leak": 0.2}, "style with leak=0.2: expected it with dcgan or pixel_shuffle"),
        ({"architecture": "attention", "leak": 0.2}, "attention with leak=0.2: .*leave out --leak"),
        ({"architecture": "attention", "widths": (8, 4)}, "attention with widths=8,4: expected at least 3 widths"),
        ({"architecture": "pixel_shuffle", "widths": (8,)}, "pixel_shuffle with widths=8: expected at least 2 widths"),
    ],
)
def test_networks_that_cannot_be_made(settings, word, tmp_path):
    with pytest.raises(ti.BadInput, match=word):
        train(TrainingSettings(**{**SMALL, **settings}), IMAGES, tmp_path, labels=LABELS)
    assert not (tmp_path / "training.json").exists()


@pytest.mark.parametrize(("objective", "every"), [("standard", 1), ("wgan_gp", 2)])
def test_both_players_rates_fall_to_a_twentieth_in_the_steps_that_they_take(objective, every):
    gan = build(TrainingSettings(**SMALL, objective=objective), 100)
    for optimizer, steps in ((gan.generator_optimizer, 100 // every), (gan.discriminator_optimizer, 100)):
        optimizer.iterations.assign(steps)
        assert float(optimizer.learning_rate) == pytest.approx(1e-3 / 20, rel=1e-3)


def test_a_code_that_the_blocks_cannot_share_is_refused(tmp_path):
    settings = TrainingSettings(architecture="attention", **{**SMALL, "latent": 64}, classes=3)
    with pytest.raises(ti.BadInput, match="latent=64 for attention at 28: expected a multiple of 3, such as 63 or 66"):
        train(settings, IMAGES, tmp_path, labels=LABELS)
    assert not (tmp_path / "training.json").exists()


def test_all_that_settings_name_there_is():
    known = flags_of(TrainingSettings)
    for name, table in (("architecture", ARCHITECTURES), ("objective", OBJECTIVES), ("prior", PRIORS)):
        assert known[name].choices == tuple(table)
    assert known["augment"].choices == tuple(CHANGES)


@pytest.mark.slow
def test_losses_are_scaled_in_float16_so_that_small_slopes_do_not_vanish(tmp_path):
    gan = build(TrainingSettings(**SMALL, precision="mixed_float16"), 10)
    scales = [player.scale_loss(1.0) for player in (gan.generator_optimizer, gan.discriminator_optimizer)]
    assert min(scales) > 1000
    plain = build(TrainingSettings(**SMALL), 10)
    assert plain.generator_optimizer.scale_loss(1.0) == 1.0
    made = train(TrainingSettings(**SMALL, precision="mixed_float16"), IMAGES, tmp_path)
    assert np.isfinite(ti.load_generator(made).sample(2)[1]).all()
