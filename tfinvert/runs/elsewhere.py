"""What another process needs for the same results: the same packages, the user's modules, the same generator."""

from __future__ import annotations

import dataclasses
import importlib
import os
from pathlib import Path

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.safety.config import registered
from tfinvert.runs.job import found, load, prior_of, settled, versions
from tfinvert.settings import Job, changed


@dataclasses.dataclass(frozen=True)
class Packages:
    """What was installed and imported where the work was begun.

    Attributes:
      versions: of what results are made with.
      modules: the user's, that have registered layers of generators.
    """

    versions: dict[str, str]
    modules: list[str]

    @staticmethod
    def here() -> Packages:
        modules = {getattr(each, "__module__", "__main__") for each in registered().values()}
        own = sorted(each for each in modules if each.partition(".")[0] not in ("__main__", "keras", "tf_keras"))
        return Packages(versions(), own)

    def require(self) -> None:
        """Imports the modules, and holds the versions against those that are here.

        Raises:
          BadInput: other versions are installed here.
        """
        for name, here in versions().items():
            if here != self.versions[name]:
                raise BadInput(
                    f"{name} is {here}, and {self.versions[name]} where the run was begun",
                    "install the same versions on all machines",
                )
        for name in self.modules:
            importlib.import_module(name)


@dataclasses.dataclass(frozen=True)
class Sent:
    """A job for another process, which loads its generator itself.

    Attributes:
      job: the settings, without images.
      fingerprint: of the generator.
      file: of images, that must be there, too.
    """

    job: Job
    fingerprint: str
    file: str | None = None

    @staticmethod
    def of(job: Job, generator: Generator, file: str | None = None) -> Sent:
        """The job, whose generator is loaded here, and whose first image is read from a file here.

        Raises:
          BadInput: its generator is an object in memory.
        """
        source = job.generator.source
        if source is not None and not isinstance(source, (str, Path)):
            raise BadInput(
                f"engine={job.engine.name} and a generator in memory, {type(source).__name__}",
                "workers load it themselves: save it, and give its file",
            )
        known = job.images.labels if found(job) else None
        alone = settled(job, prior_of(job, generator), generator.value_range)
        alone = changed(alone, images=None, labels=known, shard=None)
        return Sent(alone, generator.about.fingerprint, file)

    def load(self) -> Generator:
        """The generator.

        Raises:
          BadInput: its file is not here, or another; or images are not here.
        """
        if self.file is not None and not os.path.isfile(self.file):
            raise BadInput(f"{self.file} is not here", "put images where all machines see them by the same name")
        generator = load(self.job)
        if generator.about.fingerprint != self.fingerprint:
            raise BadInput(
                f"{self.job.generator.source} is another file than where the run was begun",
                "copy it there, or put it where all machines see the same",
            )
        return generator
