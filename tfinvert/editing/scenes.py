"""All that is asked of one editing of a run: which edits, of which images, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from tfinvert.editing import attributes, directions, edits, paths
from tfinvert.editing.attributes import Direction
from tfinvert.editing.points import CODE, Place, Points, joined, no_delta, of_tuned, place_of, points_of
from tfinvert.editing.projection import project
from tfinvert.errors import BadInput
from tfinvert.runs import FinishedRun
from tfinvert.runs.job import MIXED
from tfinvert.settings import EditSettings, EditsWanted, Motion

_REACH = 2.5  # standard deviations along a principal direction, to either side
_FARTHEST = 1000  # standard deviations along a direction
_SEFA = "sefa"
_QUARTERS = 4  # of a circle: two codes in many dimensions are a quarter of it apart


class Scene(NamedTuple):
    """Images in rows and columns: the columns are the moments of a film, or pictures to compare."""

    name: str
    rows: list[Points]  # as many points in each
    names: list[str]  # of the rows
    captions: list[str]  # of the columns; "" where one is between others
    moves: bool = True
    targets: list[str] | None = None  # the image that stands before each row, by id


def scenes(run: FinishedRun, settings: EditSettings) -> tuple[Place, list[Scene]]:
    """Where the images are edited, and a scene for each edit.

    Args:
      run: whose images are edited.
      settings: such as `EditSettings.of(ids=["cat.png", "dog.png"], path=True)`.

    Raises:
      BadInput: nothing is asked for, or something that this run does not allow.
    """
    wanted = settings.wanted.names
    if not wanted:
        raise BadInput("no edit", f"expected one or more of {', '.join(f'--{name}' for name in _EDITS)}")
    if run.job.beyond is None and (settings.wanted.gap or settings.wanted.project):
        raise no_delta(run)
    ids = _chosen(run, settings)  # told before a large generator is read
    place = place_of(run, run.load(), settings.at)
    if (settings.wanted.gap or settings.wanted.project) and run.cut(place.generator) is None:
        raise of_tuned(place.generator)
    points = points_of(run, place, ids, settings.label) if ids else None
    asked = _Asked(settings, run, place, ids, points)  # type: ignore[arg-type]
    return place, [_EDITS[name](asked) for name in wanted]


def _chosen(run: FinishedRun, settings: EditSettings) -> list[str]:
    """The images that are named, in full; or the only one."""
    if settings.ids or settings.wanted.names == ["units"]:
        return run.known(settings.ids)
    done = run.ids()
    if not done:
        raise BadInput(f"{run.stored.folder} holds no images yet", "expected a run that has begun: tfinvert invert")
    if len(done) != 1:
        raise BadInput("no images", f"expected --ids=A,B,... of the run's, such as {', '.join(done[:3])}")
    return done


class _Asked(NamedTuple):
    """What an edit works on."""

    settings: EditSettings
    run: FinishedRun
    place: Place
    ids: list[str]  # in full
    points: Points  # of these

    @property
    def wanted(self) -> EditsWanted:
        return self.settings.wanted

    @property
    def motion(self) -> Motion:
        return self.settings.motion

    @property
    def names(self) -> list[str]:
        return [Path(image_id).name for image_id in self.ids]

    @property
    def each(self) -> list[Points]:
        """The images one by one."""
        return [self.points.take([row]) for row in range(len(self.ids))]


def _path(asked: _Asked) -> Scene:
    edit = asked.motion
    made = edits.path(asked.place, asked.points, edit.frames, edit.way, edit.closed)
    return Scene("path", [made], [""], _marked(len(made.codes), edit.frames, asked.names))


def _circle(asked: _Asked) -> Scene:
    count = _QUARTERS * asked.motion.frames
    made = edits.circle(asked.place, asked.points, count, asked.motion.seed)
    captions = _marked(count, count, asked.names)
    if len(asked.names) > 1:
        near = paths.nearness(asked.points.codes, count, asked.place.generator.space.centre)
        captions[int(near.argmax())] = asked.names[1]
    return Scene("circle", [made], [""], captions)


def _gap(asked: _Asked) -> Scene:
    rows = [edits.gap(point, asked.motion.frames) for point in asked.each]
    captions = _marked(asked.motion.frames + 1, asked.motion.frames, ["G1(z*)", "G1(z*) + delta"])
    return Scene("gap", rows, asked.names, captions, targets=asked.ids)


def _random(asked: _Asked) -> Scene:
    edit, place, count = asked.motion, asked.place, asked.wanted.random or 0
    rows = []
    for point in asked.each:
        others = edits.drawn(place, point, count, edit.seed)
        rows += [
            edits.path(place, joined([point, others.take([number])]), edit.frames, edit.way, edit.closed)
            for number in range(count)
        ]
    names, ids = ([each for each in column for _ in range(count)] for column in (asked.names, asked.ids))
    captions = _marked(len(rows[0].codes), edit.frames, ["found", "generated"])
    return Scene("random", rows, names, captions, targets=ids)


def _switch(asked: _Asked) -> Scene:
    if asked.run.job.images.labels == MIXED:
        raise BadInput(
            f"other classes for a run with --labels={MIXED}",
            "its classes are part of the code, none is held: run again with --labels=search",
        )
    classes = asked.wanted.switch or ()
    rows = [joined([point, edits.switched(asked.place, point, classes)]) for point in asked.each]
    say = asked.place.generator.condition.say  # type: ignore  # there is one, or nothing would have been switched
    names = [f"{name}\n{say(point.labels[0])}" for name, point in zip(asked.names, rows, strict=True)]  # type: ignore
    return Scene("switch", rows, names, ["its class", *map(say, classes)], False, asked.ids)


def _project(asked: _Asked) -> Scene:
    nearest, distance = project(asked.place, asked.points)
    for name, far in zip(asked.names, distance, strict=True):
        logging.info("%s: |h* - projection| / |h*| is %.3g", name, far)
    own = asked.place.without(asked.points)
    rows = [joined([each.take([row]) for each in (asked.points, nearest, own)]) for row in range(len(distance))]
    return Scene("project", rows, asked.names, ["h*", "nearest in G1(Z)", "G1(z*)"], False, asked.ids)


def _arithmetic(asked: _Asked) -> Scene:
    weights = asked.wanted.arithmetic or ()
    made = edits.combined(asked.place, asked.points, weights)
    captions = [f"{name}\n{weight:+g} times" for weight, name in zip(weights, asked.names, strict=True)]
    return Scene("arithmetic", [joined([asked.points, made])], [""], [*captions, "sum"], False)


def _principal(asked: _Asked) -> Scene:
    every = points_of(asked.run, Place(asked.place.generator), label=asked.settings.label)
    found = directions.principal(every.codes, asked.wanted.principal or 0)
    amounts = np.linspace(-_REACH, _REACH, 2 * max(1, asked.motion.frames // 2) + 1)
    rows, names = [], []
    for point, name in zip(asked.each, asked.names, strict=True):
        for number, (direction, spread, share) in enumerate(zip(*found, strict=True), 1):
            rows.append(edits.moved(asked.place, point, direction, spread * amounts))
            names.append(f"{name}\ndirection {number} ({100 * share:.0f}%)")
    half = len(amounts) // 2
    return Scene("principal", rows, names, _marked(len(amounts), half, [f"-{_REACH} sd", "found", f"+{_REACH} sd"]))


def _direction(asked: _Asked) -> Scene:
    low, high = _strengths(asked.motion.strength)
    strengths = np.linspace(low, high, 2 * max(1, asked.motion.frames // 2) + 1).tolist()
    wanted = asked.wanted.direction or ()
    if not wanted:
        raise BadInput("no direction", f"expected files of `tfinvert direction`, or {_SEFA}:1, {_SEFA}:2, ...")
    numbers = {text: _number(text) for text in wanted if text.partition(":")[0] == _SEFA}
    known = attributes.of_first_map(asked.place.generator, max(numbers.values())) if numbers else None
    found = [_first(known, text, numbers[text]) if text in numbers else _read(asked, text) for text in wanted]
    rows = [edits.along(asked.place, point, each, strengths) for point in asked.each for each in found]
    names = [f"{name}\n{each.name}" for name in asked.names for each in found]
    ends = [f"{each:+g} sd" if each else "found" for each in (low, (low + high) / 2, high)]
    captions = _marked(len(strengths), len(strengths) // 2, ends)
    return Scene("direction", rows, names, captions)


def _strengths(given: Sequence[float]) -> tuple[float, float]:
    if len(given) != 2 or given[0] == given[1] or max(map(abs, given)) > _FARTHEST:
        raise BadInput(f"strength={','.join(map(str, given))}", "expected from where to where, such as -2,2")
    return float(given[0]), float(given[1])


def _number(text: str) -> int:
    """Of a direction of the first map, from 1 on."""
    number = text.partition(":")[2]
    if not (number.isascii() and number.isdigit() and int(number[:9])):
        raise BadInput(f"direction {text}", f"expected a number, such as {_SEFA}:1")
    return int(number[:9])


def _first(known: Any, text: str, number: int) -> Direction:
    """One of the directions of the first map."""
    share = 100 * known.shares[number - 1]
    return Direction(known.directions[number - 1], float(known.spreads[number - 1]), f"{text} ({share:.0f}%)")


def _read(asked: _Asked, text: str) -> Direction:
    """A direction by its file."""
    found, generator, job = attributes.read_direction(text), asked.place.generator, asked.run.job
    known = {generator.about.fingerprint, generator.about.tuned_from, ""}
    cut = None if found.at == CODE or job.beyond is None else job.beyond.at[-1]
    if found.fingerprint not in known or (found.behind, found.cut) != (job.generator.behind, cut):
        raise BadInput(
            f"direction {text} is of another generator, or of another place in it",
            f"expected one of {generator.name}: find it with `tfinvert direction --run={asked.run.stored.folder}`",
        )
    return found


def _units(asked: _Asked) -> Scene:
    """G(e_i) before G(e_i + e_j) for all j."""
    generator, entries = asked.place.generator, asked.wanted.units or ()
    codes = directions.units(generator.space, entries, asked.motion.size)
    both = directions.sums(generator.space, codes)
    labels = None
    if generator.condition is not None:
        if asked.settings.label is None:
            raise BadInput(f"unit directions of {generator.name}", "it is class-conditional: give a class (--label=N)")
        labels = generator.condition.check(np.full(1 + len(codes), asked.settings.label, np.int32)).numpy()
    place = asked.place
    rows = [place.without(Points(np.stack([own, *sums]), labels, None)) for own, sums in zip(codes, both, strict=True)]
    return Scene(
        "units", rows, [f"e{entry}" for entry in entries], ["alone", *(f"+ e{entry}" for entry in entries)], False
    )


_EDITS: dict[str, Any] = {
    "path": _path,
    "circle": _circle,
    "gap": _gap,
    "random": _random,
    "switch": _switch,
    "project": _project,
    "arithmetic": _arithmetic,
    "principal": _principal,
    "direction": _direction,
    "units": _units,
}


def _marked(count: int, steps: int, names: Sequence[str]) -> list[str]:
    """Captions of `count` columns: the names at every `steps` of them."""
    captions = [""] * count
    for number, name in enumerate(names):
        if number * steps < count:
            captions[number * steps] = name
    return captions
