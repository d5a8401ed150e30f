"""Seed files."""

import json
from collections.abc import Mapping
from pathlib import Path


def write_seeds(folder: Path, *seeds: Mapping[str, object]) -> Path:
    """Write a seed file into the folder, and return its path."""
    file = folder / "seeds.jsonl"
    file.write_text("".join(f"{json.dumps(seed)}\n" for seed in seeds))
    return file
