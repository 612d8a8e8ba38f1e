"""``cnnviz data``: listing, fetching and looking at datasets."""

from argparse import Namespace

from cnnviz.atomic import check_writable, write_atomically
from cnnviz.commands.console import bar, follow, say, show
from cnnviz.commands.datasets import load_with_bar
from cnnviz.data import DATASETS, DatasetSource
from cnnviz.data.download import download_mnist
from cnnviz.data.mnist import HOW_TO_GET_IT, MNIST, mnist_folder
from cnnviz.data.preview import contact_sheet, write_png
from cnnviz.errors import Cancelled, UserError


def run(args: Namespace) -> int:
    """Do what the action says."""
    return {"list": _list, "download": _download, "preview": _preview}[args.action](args)


def _list(args: Namespace) -> int:
    show("\n".join(f"{source.name:<8} {source.title:<22} {_availability(source, args)}" for source in DATASETS))
    return 0


def _availability(source: DatasetSource, args: Namespace) -> str:
    if source.is_available(args.data_dir):
        return f"in {mnist_folder(args.data_dir)}" if source is MNIST else "always there"
    return f"not there yet: {HOW_TO_GET_IT}"


def _download(args: Namespace) -> int:
    try:
        with bar(None, "MNIST", "B") as progress_bar:
            folder = download_mnist(args.data_dir, follow(progress_bar))
    except KeyboardInterrupt:
        raise Cancelled("interrupted; complete files are kept, the next download goes on from there") from None
    say(f"MNIST is in {folder}")
    return 0


def _preview(args: Namespace) -> int:
    if args.out.suffix.lower() != ".png":
        raise UserError(f"{args.out}: the contact sheet is a PNG picture; give the file a name that ends in .png")
    check_writable(args.out)
    sheet = contact_sheet(load_with_bar(args.dataset, args.data_dir).train)
    write_atomically(args.out, lambda stream: write_png(stream, sheet))
    say(f"contact sheet written to {args.out}")
    return 0
