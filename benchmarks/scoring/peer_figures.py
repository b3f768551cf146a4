"""What is counted of each network, and what its paper says of it: parameters, MACs a megapixel, published figures."""

from __future__ import annotations

from benchmarks.candidates import networks
from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.machine import conditions_now
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import Session, engine_of
from benchmarks.measuring.work import work_of

COUNTED_PX = (256, 256)
"""Size at which MACs are counted; they grow with the pixels."""


def measure(session: Session) -> None:
    """A row of figures for each network."""
    for name, network in networks.NETWORKS.items():
        (case,) = networks.cases((name,), ("eager",), COUNTED_PX, None)
        if session.journal.has("limits", case.name):
            continue
        module = networks.built(name)
        work = work_of(module, networks.example(name, COUNTED_PX))
        published = network.published
        figures: dict[str, float | None] = {
            "parameters_millions": networks.parameters(module) / 1e6,
            "gmacs_per_mp": work.macs / 1e9 / case.megapixels,
            "streamed_mib_per_mp": work.bytes_streamed / 2**20 / case.megapixels,
            "published_dpdd_psnr_db": published.psnr_db if published else None,
            "published_dpdd_ssim": published.ssim if published else None,
        }
        session.add("limits", case, _counted(case), conditions_now(), figures=figures)


def _counted(case: Case) -> Opened:
    """Nothing is run: the operators are counted."""
    subject = Subject(kind="network", id=case.id, precision=case.precision, shape=case.size_px)
    return Opened(run=lambda: None, subject=subject, engine=engine_of(case))
