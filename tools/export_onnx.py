#!/usr/bin/env python3
"""Export the released recommend models to FP32 ONNX graphs, in the cache's build folder.

Run calibrate.py first: the small model's graph holds its confidence. optimise.py comes next.
"""

import argparse
import json
import sys

from tandem_tools import checkpoints, export
from tandem_tools.commands import say
from tandem_tools.paths import build_folder, checkpoint_folder


def export_all():
    """Write every FP32 graph; returns {path: bytes}."""
    large, _notes = checkpoints.load("large", "released")
    small, _notes = checkpoints.load("small", "released")
    source = checkpoint_folder() / "confidence.json"
    if not source.exists():
        raise FileNotFoundError(f"{source} is missing. Run: python3 tools/calibrate.py")
    fitted = json.loads(source.read_text())["parameters"]
    paths = list(export.export_large(large, build_folder("recommend-large")).values())
    paths += export.export_small(small, fitted["weights"], fitted["bias"], build_folder("recommend-small")).values()
    return {str(path): path.stat().st_size for path in paths}


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                            epilog="example: python3 tools/export_onnx.py").parse_args()
    try:
        written = export_all()
    except FileNotFoundError as error:
        say(f"error: {error}")
        return 2
    for path, size in written.items():
        say(f"wrote {path} ({size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
