"""The verdict of an audit: a page that a commander can read, and the same for machines."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tensionmap.protect.audit.attacks import Finding

SHOWN = 50


@dataclass(frozen=True)
class Verdict:
    """What was attacked, how, and what was found.

    Parameters
    ----------
    study
        Name of the study.
    files
        Name of every file -> its audience and sha256.
    releases
        Audience -> digest of its release.
    attacks
        Number of an attack or proof -> what would have been found, in a sentence.
    findings
        What was found; empty is the only way to pass.
    notes
        What else whoever signs must know, such as thresholds below their defaults.
    """

    study: str
    files: Mapping[str, Mapping[str, str]]
    releases: Mapping[str, str]
    attacks: Mapping[str, str]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def is_passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def as_json(self) -> bytes:
        """For machines: the same content, the same bytes."""
        told = {
            "study": self.study,
            "passed": self.is_passed,
            "releases": self.releases,
            "files": self.files,
            "attacks": self.attacks,
            "findings": [{"attack": f.attack, "file": f.file, "what": f.what} for f in self.findings],
            "notes": self.notes,
        }
        return (json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()

    def as_page(self) -> bytes:
        """For people: one page that asks for nothing from anywhere."""
        number = len(self.findings)
        told = "Nothing was found." if self.is_passed else f"{number} things were found: hand nothing out."
        more = f"<p>and {number - SHOWN} more</p>" if number > SHOWN else ""
        parts = [
            f"<h1>Audit of {html.escape(self.study)}: {'PASSED' if self.is_passed else 'NOT PASSED'}</h1>",
            f"<p><b>{told}</b> {len(self.files)} files were attacked in {len(self.attacks)} ways.</p>",
            "".join(f"<p><b>Note: {html.escape(note)}</b></p>" for note in self.notes),
            ""
            if self.is_passed
            else _table(("attack", "file", "what"), [(f.attack, f.file, f.what) for f in self.findings[:SHOWN]]) + more,
            "<p>A program cannot know everything: two people sign before anything is copied, one of the police and one of the "
            "community or its women, of either side. What passed here may still not be wise to show.</p>",
            "<h2>Files</h2>",
            _table(("file", "for whom", "sha256"), [(n, f["audience"], f["sha256"]) for n, f in sorted(self.files.items())]),
            "<h2>Attacks</h2>",
            _table(("number", "what would have been found"), sorted(self.attacks.items())),
            "<h2>Releases</h2>",
            _table(("for whom", "digest"), sorted(self.releases.items())),
        ]
        return (_HEAD + "\n".join(part for part in parts if part) + "\n").encode()


_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Audit</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:16px sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}
td,th{border:1px solid #888;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}</style>
"""


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def row(tag: str, cells: tuple[str, ...]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + row("th", heads) + "".join(row("td", cells) for cells in rows) + "</table>"


def read_verdict(content: bytes) -> Verdict:
    """The verdict that `Verdict.as_json` wrote; ``ValueError`` if it cannot be read."""
    told = json.loads(content)
    try:
        return Verdict(
            told["study"],
            told["files"],
            told["releases"],
            told["attacks"],
            tuple(Finding(**finding) for finding in told["findings"]),
            tuple(told["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("not a verdict") from error
