"""Make the sample source `new_dept`: `python scripts/make_new_dept.py [--check] [--out DIR]`."""

import argparse
import sys
from pathlib import Path

from new_dept_maker.folder import compare_folder, render_folder, write_folder
from new_dept_maker.rows import make_rows

DEFAULT_FOLDER = Path(__file__).parents[1] / "tasks" / "new_dept"


def main() -> int:
    """Write the folder, or with --check tell whether it is what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DEFAULT_FOLDER, help="folder to write or check")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the folder differs")
    options = parser.parse_args()
    files = render_folder(make_rows())
    if not options.check:
        write_folder(files, options.out)
        print(f"{options.out}: {len(files)} files, {sum(map(len, files.values())):,} bytes")
        return 0
    different = compare_folder(files, options.out)
    for name in different:
        print(f"{options.out / name}: not what scripts/make_new_dept.py makes", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
