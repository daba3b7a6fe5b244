"""A table of results in README.md, between `<!-- results:NAME -->` and `<!-- /results -->`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
END = "<!-- /results -->"


def fill_readme(name: str, results: Path, render: Callable[[Path], str], description: str | None) -> None:
    """Write a table into the README, or check or print it, as the command line says.

    Args:
        name: Of the block.
        results: File of JSON lines the table is made from.
        render: Results file -> table in Markdown.
        description: Of the command line.
    """
    start = f"<!-- results:{name} -->"
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="exit 1 where the README differs")
    parser.add_argument("--print", action="store_true", help="print the table instead of writing it")
    parser.add_argument("--results", type=Path, default=results)
    parser.add_argument("--readme", type=Path, default=README)
    args = parser.parse_args()
    table = render(args.results)
    if args.print:
        print(table)
        return
    page = args.readme.read_text(encoding="utf-8")
    if page.count(start) != 1 or END not in page.split(start)[-1]:
        sys.exit(f"{args.readme}: expected {start} once with {END} behind it. Put them where the table belongs.")
    before, rest = page.split(start)
    updated = f"{before}{start}\n{table}\n{END}{rest.split(END, 1)[1]}"
    if args.check and updated != page:
        sys.exit(f"{args.readme}: its table is not what {args.results} says. Run: python {sys.argv[0]}")
    if not args.check:
        args.readme.write_text(updated, encoding="utf-8")
