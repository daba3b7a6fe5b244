"""`load`: a run from its folder."""

from pathlib import Path

from metafuse.embedder import Embedder
from metafuse.features import open_cache
from metafuse.run import Run
from metafuse.saving import load_state


def load(path: Path | str, *, device: str = "auto", cache_dir: Path | str | None = None) -> Run:
    """Load a run from its folder; it gives the same answers as when it was saved.

    Args:
        path: Folder that `adapt` or `Run.save` wrote.
        device: "auto", "cpu" or "cuda", wherever the run was made.
        cache_dir: Folder of the feature cache; the user's cache folder when None.
    Raises:
        ArtifactError: there is none, a file was changed, or the encoders are others than the run's.
    """
    state, rows, index = load_state(Path(path), device)
    embedder = Embedder(state.spec, open_cache(cache_dir), device=device)
    return Run(state, rows, embedder, index)
