"""Jobs of tests: settings named as flags are."""

from tfinvert.runs import run_job
from tfinvert.settings import Job


def job_of(out, generator=None, images=None, **flags):
    return Job.of(out=str(out), generator=generator, images=images, **flags)


def do(*where, **flags):
    """Does a job: (how it ended, its store, its images)."""
    return run_job(job_of(*where, **flags), show=False)
