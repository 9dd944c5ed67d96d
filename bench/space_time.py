"""Time for the space-time permutation scan: ours beside SaTScan's own program, same events, same limits, in one run.

    python bench/space_time.py
    python bench/space_time.py --satscan PATH --events 300 1000 --satscan-replicates 9
    python bench/space_time.py --prospective --satscan PATH

Events fall anywhere in 30 x 30 km and on any day of a year; circles to 10 km and 25 % of the events, intervals to 91 days. The
statistic of the strongest cluster must agree to 1e-5. SaTScan is slow, so it may be given fewer replicates; its time for all
of them is then reckoned from a run with these and a run with none. Both use all processors.

A plain numpy scan, all cylinders of one map at a time, is run at 60 events and must give the same statistic.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tensionmap.measure.space_time import space_time_scan

DAYS, LONGEST, REACH_M, SHARE = 365, 91, 10_000.0, 0.25
FIRST = pd.Timestamp("2023-01-01")


def world(events: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(events)
    day = draws.integers(0, DAYS, events)
    day[:2] = 0, DAYS - 1
    easting, northing = draws.uniform(0, 30_000, (2, events)).round(1)
    return easting, northing, day


def ours(events: int, replicates: int, *, prospective: bool) -> tuple[float, float]:
    """Seconds, and the statistic of the strongest cluster."""
    begun = time.perf_counter()
    found = space_time_scan(
        *world(events),
        max_radius_m=REACH_M,
        max_share=SHARE,
        max_days=LONGEST,
        prospective=prospective,
        replicates=replicates,
        stop_after=None,
        seed=1,
    )
    return time.perf_counter() - begun, float(found.llr[0])


def satscan(program: Path, events: int, replicates: int, *, prospective: bool) -> tuple[float, float]:
    """The same of SaTScan."""
    easting, northing, day = world(events)
    settings = {
        "CaseFile": "events.cas",
        "CoordinatesFile": "events.geo",
        "CoordinatesType": 0,
        "PrecisionCaseTimes": 3,
        "StartDate": f"{FIRST:%Y/%m/%d}",
        "EndDate": f"{FIRST + pd.Timedelta(days=DAYS - 1):%Y/%m/%d}",
        "ProspectiveStartDate": f"{FIRST + pd.Timedelta(days=DAYS - 1):%Y/%m/%d}",
        "AnalysisType": 4 if prospective else 3,
        "ModelType": 2,
        "ScanAreas": 1,
        "TimeAggregationUnits": 3,
        "TimeAggregationLength": 1,
        "ResultsFile": "out.txt",
        "MostLikelyClusterEachCentroidASCII": "y",
        "MaxSpatialSizeInPopulationAtRisk": round(100 * SHARE),
        "UseDistanceFromCenterOption": "y",
        "MaxSpatialSizeInDistanceFromCenter": REACH_M,
        "MinimumTemporalClusterSize": 1,
        "MaxTemporalSizeInterpretation": 1,
        "MaxTemporalSize": LONGEST,
        "PValueReportType": 1,
        "MonteCarloReps": replicates,
        "CriteriaForReportingSecondaryClusters": 0,
        "ReportGiniClusters": "n",
        "PrintAsciiColumnHeaders": "y",
        "NumberParallelProcesses": 0,
        "LogRunToHistoryFile": "n",
        "SuppressWarnings": "y",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run.prm").write_text("[Input]\n")
        dates = (FIRST + pd.to_timedelta(day, unit="D")).strftime("%Y/%m/%d")
        pd.DataFrame({"id": np.arange(events), "cases": 1, "date": dates}).to_csv(
            folder / "events.cas", sep=" ", header=False, index=False
        )
        pd.DataFrame({"id": np.arange(events), "x": easting, "y": northing}).to_csv(
            folder / "events.geo", sep=" ", header=False, index=False
        )
        options = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        begun = time.perf_counter()
        subprocess.run([program.resolve(), "run.prm", *options], cwd=folder, check=True, capture_output=True)
        taken = time.perf_counter() - begun
        return taken, float(pd.read_csv(folder / "out.col.txt", sep=r"\s+").TEST_STAT[0])


def numpy_scan(events: int, *, prospective: bool) -> float:
    """The statistic of the strongest cylinder, all of them tried by array sums."""
    easting, northing, day = world(events)
    counts = np.zeros((events, DAYS))
    counts[np.arange(events), day] = 1
    best = 0.0
    for centre in range(events):
        away = np.hypot(easting - easting[centre], northing - northing[centre])
        order = np.argsort(away, kind="stable")[: int(SHARE * events)]
        order = order[away[order] <= REACH_M]
        before = np.pad(np.cumsum(np.cumsum(counts[order], axis=0), axis=1), ((0, 0), (1, 0)))
        all_before = np.pad(np.cumsum(counts.sum(axis=0)), (1, 0))
        for first in range(DAYS - LONGEST if prospective else 0, DAYS):
            ends = np.array([DAYS]) if prospective else np.arange(first + 1, min(first + LONGEST, DAYS) + 1)
            cases = before[:, ends] - before[:, [first]]
            expected = np.arange(1, order.size + 1)[:, None] * (all_before[ends] - all_before[first]) / events
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = cases * np.log(cases / expected)
                ratio += (events - cases) * np.log((events - cases) / (events - expected))
            best = max(best, np.max(ratio, where=(cases >= 2) & (cases > expected), initial=0.0))
    return best


def seconds_of_all(run: Callable[[int], tuple[float, float]], done: int, wanted: int) -> tuple[float, float]:
    """Seconds for all ``wanted`` replicates, from a run with those that are ``done`` and a run with none; and the statistic."""
    taken, ratio = run(done)
    if done == wanted:
        return taken, ratio
    alone, _ = run(0)
    return alone + (taken - alone) * wanted / done, ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--satscan", type=Path, help="SaTScan's batch program, version 10")
    parser.add_argument("--events", type=int, nargs="+", default=[300, 1000])
    parser.add_argument("--replicates", type=int, default=999)
    parser.add_argument("--satscan-replicates", type=int, default=None, help="fewer for SaTScan; its time is reckoned from them")
    parser.add_argument("--prospective", action="store_true")
    options = parser.parse_args()

    _, ratio = ours(60, 19, prospective=options.prospective)
    assert abs(ratio - numpy_scan(60, prospective=options.prospective)) < 1e-6
    if options.satscan is None:
        print("SaTScan left out: give the path of its program with --satscan.")
    print(f"{'events':>7}  {'replicates':>10}{'tensionmap':>12}{'SaTScan':>12}{'ratio':>9}")
    for events in options.events:
        mine, ratio = ours(events, options.replicates, prospective=options.prospective)
        line = f"{events:7}  {options.replicates:10}{mine:10.2f} s"
        if options.satscan is not None:

            def run(replicates: int, events: int = events) -> tuple[float, float]:
                return satscan(options.satscan, events, replicates, prospective=options.prospective)

            done = options.satscan_replicates or options.replicates
            theirs, its_ratio = seconds_of_all(run, done, options.replicates)
            assert abs(ratio - its_ratio) < 1e-5, (ratio, its_ratio)
            line += f"{theirs:10.1f} s{theirs / mine:9.1f}" + ("  (reckoned)" if done < options.replicates else "")
        print(line, flush=True)


if __name__ == "__main__":
    main()
