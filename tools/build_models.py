#!/usr/bin/env python3
"""Reproduce everything in models/, in order: data, trainings, calibration, graphs, registry.

--quick trains for a few minutes: real models of every kind, but weak ones. --full trains each from the beginning (the
released large model began with keys and values for each head and was then taught to share them: models/README.md,
"Trained by"), and with --literature the leave-one-out trainings as well (about an hour and a half on two cores with
AVX-512 BF16). Data and checkpoints are kept in the cache ($TANDEM_CACHE or ~/.cache/tandem), the graphs and the registry
go into models/.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tandem_tools.commands import say

TOOLS = Path(__file__).resolve().parent
LARGE = {"quick": ["--epochs", "2"], "full": []}
SMALL = {"quick": ["--epochs", "2"], "full": []}


def plan(pace, literature, release):
    """The commands in order, each [script, options...]."""
    steps = [["fetch_data.py"], ["train_large.py", "--protocol", "released", *LARGE[pace]],
             ["train_small.py", "--protocol", "released", *SMALL[pace]], ["calibrate.py"], ["digits.py"], ["export_onnx.py"],
             ["optimise.py"], ["export_decoder.py"], ["validate_decoder.py"], ["validate.py", *(["--every", "64"] if pace == "quick" else [])],
             ["build_registry.py", *(["--release", release] if release else [])], ["golden.py"]]
    if literature:
        steps += [["train_large.py", "--protocol", "literature", *LARGE[pace]],
                  ["train_small.py", "--protocol", "literature", *SMALL[pace]], ["literature.py"]]
    return steps + [["report.py"]]


def run_step(step):
    """Run one script with this Python; returns its exit code."""
    began = time.time()
    say(f"== {' '.join(step)}")
    code = subprocess.run([sys.executable, str(TOOLS / step[0]), *step[1:]], stdout=subprocess.DEVNULL).returncode
    say(f"== {step[0]}: {'done' if code == 0 else f'failed with exit code {code}'} after {time.time() - began:.0f} s")
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: python3 tools/build_models.py --quick")
    pace = parser.add_mutually_exclusive_group(required=True)
    pace.add_argument("--quick", dest="pace", action="store_const", const="quick", help="minutes; weak models")
    pace.add_argument("--full", dest="pace", action="store_const", const="full", help="the whole trainings")
    parser.add_argument("--literature", action="store_true", help="also train and evaluate on leave-one-out")
    parser.add_argument("--release", help="version of the registry's entries (default: today's date and .1)")
    arguments = parser.parse_args()
    for step in plan(arguments.pace, arguments.literature, arguments.release):
        code = run_step(step)
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
