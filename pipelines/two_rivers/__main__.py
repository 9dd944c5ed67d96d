"""Write the example study: ``python -m two_rivers data/raw``."""

from __future__ import annotations

import sys
from pathlib import Path

from two_rivers.events import events
from two_rivers.files import write_reports
from two_rivers.land import write_layers
from two_rivers.meetings import write_meetings
from two_rivers.people import Private
from two_rivers.rasters import terrain, write_rasters
from two_rivers.sources import reports
from two_rivers.truth import truth, write_register, write_truth


def write(folder: Path) -> None:
    """All files of the study, into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    private = Private()
    ground = terrain()
    write_layers(folder)
    write_rasters(ground, folder)
    rows = write_reports(reports(events(ground), private), private, folder)
    meetings = write_meetings(private, folder)
    write_truth(truth(rows, meetings, private), folder / "truth.json")
    write_register(folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where to: python -m two_rivers data/raw")
    write(Path(sys.argv[1]))
