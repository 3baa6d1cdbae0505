"""`tfinvert` itself: what is said of its commands."""

import subprocess
import sys

COMMAND = [sys.executable, "-c", "from tfinvert.cli.main import main; main()"]


def test_whoever_reads_on_no_more_is_no_error():
    process = subprocess.Popen([*COMMAND, "invert", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()  # as `| head` does
    with process.stderr as errors:
        assert b"Traceback" not in (said := errors.read()), said
    assert process.wait() == 1


def test_an_unknown_command_is_told_with_the_nearest():
    told = subprocess.run([*COMMAND, "embedd"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (1, "")
    assert "did you mean 'tfinvert embed'?" in told.stderr
