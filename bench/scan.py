"""Time for a Poisson scan with 999 replicates: ours beside SaTScan's own program, same cases, in one run.

    python bench/scan.py
    python bench/scan.py --satscan /path/to/satscan --sides 32 100

No other scan can be installed from PyPI. SaTScan is free of charge at its makers' site and is not part of this project: give the
path of its batch program, or our time stands alone. The most likely cluster of both must have the same log likelihood ratio
before a ratio counts. Places are cells moved a little, so that no two lie equally far from a third: ties are treated differently.

Both clocks are printed: by the wall (the batch program as published waits for some seconds at the end of a run that told of its
remaining time), and of the processor, all threads together. Only the ratios count. All replicates are drawn on both sides.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tensionmap.measure.scan import poisson_scan

PARAMETERS = """[Input]
CaseFile=map.cas
PopulationFile=map.pop
CoordinatesFile=map.geo
PrecisionCaseTimes=0
StartDate=2000/1/1
EndDate=2000/12/31
CoordinatesType=0
[Analysis]
AnalysisType=1
ModelType=0
ScanAreas=1
[Output]
ResultsFile=map.txt
MostLikelyClusterEachCentroidASCII=y
[Spatial Window]
MaxSpatialSizeInPopulationAtRisk={percent:g}
SpatialWindowShapeType={ellipse}
NonCompactnessPenalty=1
EllipseShapes=1.5,2,3,4,5
EllipseAngles=4,6,9,12,15
[Inference]
PValueReportType=1
MonteCarloReps={replicates}
[Spatial Output]
ReportGiniClusters=n
[Other Output]
PrintAsciiColumnHeaders=y
[Run Options]
NumberParallelProcesses=0
LogRunToHistoryFile=n
SuppressWarnings=y
[System]
Version=10.3.2
"""


@dataclass
class Taken:
    """What a run found, and the seconds it took."""

    statistic: float
    clock: float
    processor: float


@dataclass
class Map:
    """Places with their cases."""

    cases: np.ndarray
    people: np.ndarray
    easting: np.ndarray
    northing: np.ndarray


def uneven(side: int) -> Map:
    draws = np.random.default_rng(side)
    row, column = np.divmod(np.arange(side**2), side)
    easting = np.round(400_000 + 1000 * column + draws.uniform(-300, 300, side**2), 2)
    northing = np.round(4_400_000 + 1000 * row + draws.uniform(-300, 300, side**2), 2)
    people = draws.integers(50, 150, side**2)
    near = np.hypot(row - side / 3, column - side / 3) < side / 12
    weight = people * np.where(near, 1.5, 1.0)
    return Map(draws.multinomial(side**2, weight / weight.sum()), people, easting, northing)


def ours(given: Map, shape: str, share: float, replicates: int, runs: int) -> Taken:
    taken = []
    for _ in range(runs + 1):
        clock, processor = time.perf_counter(), time.process_time()
        found = poisson_scan(
            given.cases,
            given.people,
            given.easting,
            given.northing,
            shape="ellipse" if shape == "ellipse" else "circle",
            max_share=share,
            max_radius_m=None,
            replicates=replicates,
            stop_after=None,
            seed=1,
        )
        statistic = float((found["statistic"] if "statistic" in found else found["llr"])[0])
        taken.append(Taken(statistic, time.perf_counter() - clock, time.process_time() - processor))
    return min(taken[1:], key=lambda run: run.clock)


def satscan(program: Path, given: Map, shape: str, share: float, replicates: int, runs: int) -> Taken:
    taken = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = PARAMETERS.format(percent=100 * share, ellipse=int(shape == "ellipse"), replicates=replicates)
        (folder / "map.prm").write_text(settings)
        (folder / "map.cas").write_text("".join(f"{place} {count}\n" for place, count in enumerate(given.cases) if count))
        (folder / "map.pop").write_text("".join(f"{place} 2000 {count}\n" for place, count in enumerate(given.people)))
        places = zip(given.easting.tolist(), given.northing.tolist(), strict=True)
        (folder / "map.geo").write_text("".join(f"{place} {east} {north}\n" for place, (east, north) in enumerate(places)))
        for _ in range(runs):
            clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([program.resolve(), "map.prm"], cwd=folder, check=True, capture_output=True)
            clock, after = time.perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
            header, first, *_ = (folder / "map.col.txt").read_text().splitlines()
            value = dict(zip(header.split(), first.split(), strict=False))
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            taken.append(Taken(float(value.get("TEST_STAT", value["LLR"])), clock, processor))
    return min(taken, key=lambda run: run.clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--satscan", type=Path, help="SaTScan's batch program")
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 100], help="cells along each side")
    parser.add_argument("--shapes", nargs="+", default=["circle"], choices=["circle", "ellipse"])
    parser.add_argument("--share", type=float, default=0.1, help="most of the population in a window")
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--runs", type=int, default=3, help="the fastest counts")
    options = parser.parse_args()

    if options.satscan is None:
        print("SaTScan is left out: give the path of its batch program with --satscan.")
    print(f"{'cells':>7} {'shape':9}{'':12}{'tensionmap':>12}{'SaTScan':>12}{'ratio':>8}")
    for shape in options.shapes:
        for side in options.sides:
            given = uneven(side)
            task = (given, shape, options.share, options.replicates, options.runs)
            mine = ours(*task)
            peer = None if options.satscan is None else satscan(options.satscan, *task)
            if peer is not None:
                assert abs(mine.statistic - peer.statistic) < 2e-6, (mine.statistic, peer.statistic)
            for clock in ("clock", "processor"):
                own = getattr(mine, clock)
                told = f"{side**2:7} {shape:9}{clock:12}{own:10.3f} s"
                print(
                    told if peer is None else f"{told}{getattr(peer, clock):10.3f} s{getattr(peer, clock) / own:8.1f}", flush=True
                )


if __name__ == "__main__":
    main()
