"""The pages of meetings: which are made, under which names, by as many processes as the machine has cores.

The pages themselves are in ``publish``. They are made from the community's release alone.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from tensionmap.errors import ReleaseError
from tensionmap.publish import council, reporting_day
from tensionmap.publish.meetings import Community, District, communities_to_report, find_settlement
from tensionmap.publish.relief import Hillshade
from tensionmap.tables import Release

__all__ = ["Job", "Settings", "communities_to_report", "file_of", "find_settlement", "jobs_of", "make"]


@dataclass(frozen=True)
class Settings:
    """How the pages are made: the texts of the study, how far a map reaches around a community, and the paper."""

    quarter: str
    paper: str
    around_m: float
    contacts: Sequence[tuple[str, str, Sequence[str]]]
    """Office, text, and the communities whose pages carry it; none: all."""
    notices: Sequence[tuple[str, Mapping[Any, str], Sequence[str]]]
    """What it is about, the text in each language, and the communities whose pages carry it; none: all."""


@dataclass(frozen=True)
class Job:
    """One file: the pack of a community, or the page of a district's council, in one language."""

    kind: str
    name: str
    """Identifier of a settlement, or name of a district."""
    language: str


def file_of(job: Job, release: Release, settings: Settings) -> str:
    """The name of the file: 'Orrin-v1.2026Q3.community.tg.pdf'."""
    if job.kind == "council":
        parts = ["council-" + _plain(job.name)]
    else:
        named = Community(release, job.name, settings.quarter).settlement.name
        parts = [f"{_plain(named)}-{_plain(job.name)}"]
    paper = [settings.paper] if settings.paper != "A4" else []
    return ".".join([*parts, settings.quarter, *paper, release.audience, job.language, "pdf"])


def _plain(name: str) -> str:
    """``name`` in letters that every file system takes."""
    letters = unicodedata.normalize("NFKD", name)
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^\w-]+", "_", kept).strip("_") or "place"


def make(jobs: Sequence[Job], release: Release, settings: Settings, relief: Hillshade | None) -> Iterator[tuple[Job, bytes]]:
    """Each job with its PDF, in the order in which they are finished; the bytes of each depend on nothing but its own job.

    Raises
    ------
    ReleaseError
        If a text cannot be printed whole and legibly: with the job by name.
    """
    hands = min(len(jobs), os.cpu_count() or 1)
    if hands <= 1:
        for job in jobs:
            yield job, _pages(job, release, settings, relief)
        return
    # Started anew, as on Windows: a fork of a process with threads, such as that of the progress bar, can hang.
    anew = get_context("spawn")
    with ProcessPoolExecutor(hands, anew, initializer=_take_up, initargs=(release, settings, relief)) as pool:
        waiting = {pool.submit(_made, job): job for job in jobs}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)


_at_hand: list[Any] = []


def _take_up(*given: Any) -> None:
    """Keep what every job of this process needs."""
    _at_hand[:] = given


def _made(job: Job) -> bytes:
    return _pages(job, *_at_hand)


def _pages(job: Job, release: Release, settings: Settings, relief: Hillshade | None) -> bytes:
    try:
        return _pages_or_refusal(job, release, settings, relief)
    except ReleaseError as error:
        raise ReleaseError(f"{job.kind} of {job.name}, {job.language}: {error}") from error


def _pages_or_refusal(job: Job, release: Release, settings: Settings, relief: Hillshade | None) -> bytes:
    how: dict[str, Any] = {"quarter": settings.quarter, "language": job.language, "paper": settings.paper}
    if job.kind == "council":
        return council.council_page(release, district=job.name, **how)
    settlement = Community(release, job.name, settings.quarter).settlement
    own = {settlement.settlement_id, settlement.name, settlement.name_local}
    return reporting_day.meeting_pack(
        release,
        settlement_id=job.name,
        contacts=[(office, text) for office, text, of in settings.contacts if not of or own & set(of)],
        notices=[
            (about, texts[job.language])
            for about, texts, of in settings.notices
            if job.language in texts and (not of or own & set(of))
        ],
        around_m=settings.around_m,
        relief=relief,
        **how,
    )


def jobs_of(
    release: Release, quarter: str, languages: Sequence[str], *, communities: Sequence[str] = (), district: str = ""
) -> list[Job]:
    """What is to be made: the packs of ``communities``, or the page of a ``district``'s council, in each language."""
    if district:
        return [Job("council", District(release, district, quarter).name, language) for language in languages]
    return [Job("pack", community, language) for community in communities for language in languages]
