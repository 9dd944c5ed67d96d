"""What was planted, written down: clusters, traps, duplicates, broken rows, private words; and the register of the files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from two_rivers import CRS, INVENTED, SEED, STUDY_FROM, STUDY_TO, TREATY, land
from two_rivers.events import CLUSTERS, GED, KOBO, NORVIA, SEALED, SELMAR, SENSITIVE, SHARE_ANYWHERE, THEME_OF
from two_rivers.faults import KINDS
from two_rivers.meetings import Told, what_was_planted
from two_rivers.names import BORDER_AREA, DISTRICTS, SETTLEMENTS, Settlement
from two_rivers.people import Private
from two_rivers.sources import BORDER_POINT_PRECISION_M, Row

Rows = dict[str, list[Row]]


def _place(easting: float, northing: float) -> dict[str, float]:
    longitude, latitude = land.degrees(easting, northing)
    return {"longitude": round(longitude, 6), "latitude": round(latitude, 6)}


def _key(source: str, row: Row) -> dict[str, str]:
    return {"source": source, "record_id": str(row.cells["record_id"])}


def _whole(rows: Rows) -> list[tuple[str, Row]]:
    return [(source, row) for source, those in rows.items() for row in those if row.fault is None]


def truth(rows: Rows, meetings: Told, private: Private) -> dict[str, Any]:
    """Everything that a test or a reader may compare an analysis with."""
    return {
        "note": INVENTED,
        "seed": SEED,
        "crs": CRS,
        "date_from": STUDY_FROM.isoformat(),
        "date_to": STUDY_TO.isoformat(),
        "share_anywhere": SHARE_ANYWHERE,
        "treaty": TREATY.isoformat(),
        "rows": {source: len(those) for source, those in rows.items()},
        "fault_kinds": KINDS,
        "categories": {
            category: {"theme": theme, "tier": "S" if category in SEALED else "A" if category in SENSITIVE else "B"}
            for category, theme in THEME_OF.items()
        },
        "sides": {s.settlement_id: s.side for s in (*SETTLEMENTS, *DISTRICTS)},
        "districts": {s.settlement_id: s.district for s in SETTLEMENTS},
        "clusters": _clusters(rows),
        "traps": _traps(rows),
        "duplicates": _duplicates(rows),
        "broken": [
            {
                "source": source,
                "row": row.number,
                "kind": row.fault,
                "detail": row.detail,
                "record_id": row.cells.get("record_id"),
            }
            for source, those in rows.items()
            for row in those
            if row.fault is not None
        ],
        "misspelt": [
            {**_key(source, row), "place": row.report.place.strip(), "settlement_id": row.report.event.settlement.settlement_id}
            for source, row in _whole(rows)
            if row.report is not None and row.report.is_misspelt
        ],
        "private": private.listed(),
        "reports": _reports(rows),
        **what_was_planted(meetings),
    }


def _clusters(rows: Rows) -> list[dict[str, Any]]:
    found = []
    for cluster in CLUSTERS:
        its = [(s, r) for s, r in _whole(rows) if r.report and r.report.event.cluster_id == cluster.cluster_id]
        found.append(
            {
                "id": cluster.cluster_id,
                "theme": cluster.theme,
                "category": cluster.category,
                **_place(*land.metres(cluster.centre)),
                "radius_m": cluster.radius_m,
                "date_from": cluster.date_from.isoformat(),
                "date_to": cluster.date_to.isoformat(),
                "months": list(cluster.months),
                "why": cluster.why,
                "told_by": sorted(cluster.told_by),
                "events": cluster.events,
                "reports": [_key(s, r) for s, r in its],
            }
        )
    return found


def _traps(rows: Rows) -> list[dict[str, Any]]:
    """Points on which reports pile up only if an imprecise place is taken literally."""

    def trap(place: Settlement, precision_m: float, why: str, its: list[tuple[str, Row]]) -> dict[str, Any]:
        where = _place(*land.position(place))
        return {
            "id": f"trap-{place.settlement_id}", **where, "precision_m": precision_m, "why": why,
            "reports": [_key(s, r) for s, r in its],
        }  # fmt: skip

    told = [(s, r) for s, r in _whole(rows) if r.report]
    found = [
        trap(
            BORDER_AREA,
            BORDER_POINT_PRECISION_M,
            "Reports that know no more than 'at the border'; half of them carry the coordinates of this one point.",
            [(s, r) for s, r in told if r.report and r.report.known_as == "border"],
        )
    ]
    for district in DISTRICTS[:-1]:
        its = [
            (s, r)
            for s, r in told
            if r.report and r.report.known_as == "district" and r.report.event.settlement.district == district.settlement_id
        ]
        found.append(trap(district, district.precision_m, "Reports that know only the district.", its))
    return found


def _duplicates(rows: Rows) -> list[dict[str, Any]]:
    by_event: dict[str, list[dict[str, str]]] = {}
    for source, row in _whole(rows):
        if row.report is not None:
            by_event.setdefault(row.report.event.event_id, []).append(_key(source, row))
    return [{"event_id": event_id, "reports": its} for event_id, its in sorted(by_event.items()) if len(its) > 1]


def _reports(rows: Rows) -> list[dict[str, Any]]:
    """Every row behind which something happened: what, where and when it really was, and its cluster, if any."""
    return [
        {
            **_key(source, row),
            "row": row.number,
            "event_id": row.report.event.event_id,
            "category": row.report.event.category,
            "day": row.report.event.day.isoformat(),
            **_place(row.report.event.easting, row.report.event.northing),
            "settlement_id": row.report.event.settlement.settlement_id,
            "known_as": row.report.known_as,
            "told_longitude": row.report.longitude,
            "told_latitude": row.report.latitude,
            "cluster": row.report.event.cluster_id,
            "fault": row.fault,
        }
        for source, those in rows.items()
        for row in those
        if row.report is not None
    ]


def write_truth(told: dict[str, Any], path: Path) -> None:
    """JSON, one entry of a list a line."""
    parts = []
    for key, value in told.items():
        if isinstance(value, list):
            inner = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in value)
            parts.append(f"{json.dumps(key)}: [\n{inner}\n]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    path.write_bytes(("{\n" + ",\n".join(parts) + "\n}\n").encode())


_FILES: tuple[tuple[str, str, dict[str, str], str], ...] = (
    (f"{NORVIA}.xlsx", "table", {"reported_by": "Norvia"}, "Police of Norvia (invented)"),
    (f"{SELMAR}.csv", "table", {"reported_by": "Selmar"}, "Police of Selmar (invented)"),
    (f"{KOBO}.csv", "kobo", {"reported_by": "community"}, "Volunteers of the valley (invented)"),
    (f"{GED}.csv", "ucdp", {"reported_by": "outside"}, "List of violent events in the form of UCDP GED (invented)"),
    ("settlements.geojson", "settlements", {}, "Gazetteer of the valley (invented)"),
    ("claims_norvia.geojson", "claims", {"claimant": "Norvia"}, "Land office of Norvia (invented)"),
    ("claims_selmar.geojson", "claims", {"claimant": "Selmar"}, "Land office of Selmar (invented)"),
    ("claims_treaty.geojson", "claims", {}, "Joint border commission (invented)"),
    ("resources.geojson", "resources", {}, "Water users' association (invented)"),
    ("services.geojson", "services", {}, "Road office of the valley (invented)"),
    ("population.tif", "population", {}, "Census of the valley (invented)"),
    ("elevation.tif", "elevation", {}, "Survey of the valley (invented)"),
    ("land_cover.tif", "land_cover", {}, "Survey of the valley (invented); classes of ESA WorldCover"),
    ("meetings.xlsx", "meetings", {}, "Police of Norvia and Selmar (invented)"),
    ("concerns.csv", "concerns", {}, "Police of Norvia and Selmar (invented)"),
    ("actions.csv", "actions", {}, "Community teams of the valley (invented)"),
    ("truth.json", "none", {}, "What was planted (invented)"),
)


def write_register(folder: Path) -> None:
    """sources.toml: every file with its digest."""
    entries = [f"# {INVENTED}\n# Written by: python -m two_rivers data/raw\n"]
    for file, reader, other, publisher in _FILES:
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        is_private = reader in ("table", "kobo", "meetings", "concerns", "actions", "none")
        lines = {
            "name": file.rsplit(".", 1)[0],
            "file": file,
            "sha256": digest,
            "publisher": publisher,
            "url": "",
            "licence": "CC0-1.0",
            "reader": reader,
            **other,
            "sensitivity": "internal" if is_private else "public",
        }
        text = "\n".join(f'{key} = "{value}"' for key, value in lines.items())
        entries.append(f"[[source]]\n{text}\nretrieved = 2026-10-05\n")
    (folder / "sources.toml").write_bytes("\n".join(entries).encode())
