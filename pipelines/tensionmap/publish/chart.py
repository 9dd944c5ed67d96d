"""The map on paper: what a release shows, in millimetres of the page at a fixed scale.

Shapes are cut at the frame, so nothing lies hidden outside or underneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from operator import itemgetter
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from tensionmap.publish import shown, style
from tensionmap.publish.drawn import PT_MM
from tensionmap.publish.keys import STREWN, mark_pt
from tensionmap.publish.labels import Box, place_labels
from tensionmap.publish.page import BODY_PT, Page, coordinates, lines_of, text_width_mm
from tensionmap.publish.relief import Hillshade
from tensionmap.publish.style import Symbol
from tensionmap.publish.tints import tints
from tensionmap.publish.words import Words
from tensionmap.tables import Release

INDEX_MM = 4.6
NUMBER_PT = 10.0
NAME_LINE_MM = BODY_PT * PT_MM * 1.08
SIDES_M = tuple(step * 10**power for power in range(2, 7) for step in (1, 2, 5))
"""Round lengths, for the squares of the index and for the scale bar."""


@dataclass(frozen=True)
class View:
    """What of a release one map draws, in metres, cut at its edge: taken from the release here and nowhere else.

    Raises
    ------
    ReleaseError
        If it is not made of a release.
    """

    release: Release
    theme: str
    part: Box | None = None
    """West, south, east, north of the part that is drawn, in metres; None: all of the grid."""
    named: tuple[str, str | None] = ("", None)
    """Both names of the community around which the part lies."""

    def __post_init__(self) -> None:
        shown.refuse_unless_release(self.release)

    @property
    def bounds(self) -> Box:
        """West, south, east, north of what is drawn."""
        return self.part or self.release.facts.extent

    def around(self, words: Words) -> str:
        """The community around which the part lies, as it is said; empty of the whole study."""
        return words.place(*self.named) if self.part else ""

    @cached_property
    def cells(self) -> gpd.GeoDataFrame:
        """The squares above the lowest band."""
        return self._cut(shown.squares(self.release, self.theme))

    @cached_property
    def joint_work(self) -> gpd.GeoDataFrame:
        """The squares that carry the mark of cooperation; none on the crime map."""
        return self._cut(shown.joint_work(self.release)) if self.theme == "tension" else self.cells.iloc[:0]

    @cached_property
    def hotspots(self) -> gpd.GeoDataFrame:
        """The numbered areas in the order of their numbers."""
        return self._cut(shown.hotspots(self.release, self.theme))

    @cached_property
    def points(self) -> gpd.GeoDataFrame | None:
        """Single reports; None if the audience sees none."""
        return self._cut(shown.of_theme(self.release, "points", self.theme)) if "points" in self.release.tables else None

    @cached_property
    def settlements(self) -> gpd.GeoDataFrame:
        """Villages and towns."""
        return self._cut(shown.settlements(self.release))

    @cached_property
    def claims(self) -> gpd.GeoDataFrame:
        """The standing claims as lines."""
        return self._cut(shown.claim_lines(self.release))

    @cached_property
    def resources(self) -> gpd.GeoDataFrame:
        """Water and land; the crime map keeps only rivers and canals, to find the way by."""
        resources = self.release.background["resources"]
        return self._cut(resources if self.theme == "tension" else resources[resources["kind"].isin(list(style.LINES))])

    @cached_property
    def services(self) -> gpd.GeoDataFrame:
        """Roads, crossings, posts and meeting places."""
        return self._cut(self.release.background["services"])

    def _cut(self, layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return shown.cut(layer, shapely.box(*self.bounds))


class Chart:
    """The map itself: metres of the study at a fixed scale in a frame on the page."""

    def __init__(self, page: Page, view: View, words: Words, mm_per_m: float, top: float, west: float) -> None:
        self.page, self.view, self.words = page, view, words
        self.factor = mm_per_m
        bounds = view.bounds
        width, height = (bounds[2] - bounds[0]) * self.factor, (bounds[3] - bounds[1]) * self.factor
        self.frame: Box = (west, top - height, west + width, top)
        self.side_mm = view.release.facts.cell_m * self.factor
        self.index_m = next(side for side in SIDES_M if side * self.factor >= 20)
        self.taken: list[Box] = []
        self.symbols = self._symbol_boxes()

    def mm(self, geometry: Any) -> Any:
        """Geometry in metres -> millimetres of the page."""
        origin, corner = np.array(self.view.bounds[:2]), np.array(self.frame[:2])
        return shapely.transform(geometry, lambda xy: (xy - origin) * self.factor + corner)

    def index(self, geometry: Any) -> str:
        """The square of the margin index in which ``geometry`` lies: 'B3'."""
        point = geometry.representative_point()
        column = floor((point.x - self.view.bounds[0]) / self.index_m)
        row = floor((self.view.bounds[3] - point.y) / self.index_m)
        return f"{chr(ord('A') + column)}{row + 1}"

    def draw(self) -> int:
        """Draw the map; how many settlements had no room for their name."""
        self._draw_ground()
        self._draw_cells()
        self._draw_lines()
        self._draw_claims()
        self._draw_hotspots()
        self._draw_symbols()
        self._draw_frame()
        return self._draw_names()

    def draw_relief(self, land: Hillshade) -> None:
        """Draw the lie of the land, under everything else."""
        for number, (grey, areas) in enumerate(tints(land, bounds=self.view.bounds, mm_per_m=self.factor)):
            self.page.shape(self.mm(areas), fill=grey, ink=False, z=0.1 * number)

    def _symbol_boxes(self) -> list[Box]:
        """Where settlements and other places stand, which neither letters nor numbers may cover."""
        return [
            _symbol_box(coordinates([self.mm(row.geometry)])[0], style.SYMBOLS[row.kind])
            for layer in (self.view.settlements, self.view.resources, self.view.services)
            for row in layer.itertuples()
            if row.kind in style.SYMBOLS and row.geometry.geom_type == "Point"
        ]

    def _draw_ground(self) -> None:
        page, view = self.page, self.view
        for kind, ground in style.GROUNDS.items():
            for area in self.mm(view.resources[view.resources["kind"] == kind].geometry.to_numpy()):
                page.stroke(area, ground.outline, 4)
                page.marks(self._strewn(area), STREWN[kind], 6, 2, fill=False)

    def _strewn(self, area: Any) -> list[tuple[float, float]]:
        west, south, east, north = self.frame
        x, y = np.meshgrid(np.arange(west + 3, east, 6.0), np.arange(south + 3, north, 6.0))
        x[1::2] += 3.0
        inside = shapely.contains_xy(area.buffer(-1.3), x.ravel(), y.ravel())
        return list(zip(x.ravel()[inside].tolist(), y.ravel()[inside].tolist(), strict=True))

    def _draw_cells(self) -> None:
        page, cells = self.page, self.view.cells
        if self.side_mm >= 5:
            page.shape(self._grid(), ink="#c4c4c4", z=0.5)
        if self.side_mm < style.SMALLEST_HATCHED_MM:
            # The mark in its middle does not say how far a merged square reaches.
            merged = self.mm(cells[cells["side_cells"] > 1].geometry.to_numpy())
            page.shape(merged, z=3)
        for band, look in style.BANDS.items():
            shapes = self.mm(cells[cells["band"] == band].geometry.to_numpy())
            if self.side_mm >= style.SMALLEST_HATCHED_MM:
                page.shape(shapes, fill=look.grey, hatch=look.hatch, z=3)
            elif band in style.MARKS:
                page.marks(coordinates(shapely.centroid(shapes)), "s", mark_pt(self.side_mm), 6, part_filled=style.MARKS[band])

    def _grid(self) -> Any:
        """The edges of all squares, listed or not."""
        west, south, east, north = self.frame
        across = [[(x, south), (x, north)] for x in np.arange(west, east + 1e-6, self.side_mm)]
        along = [[(west, y), (east, y)] for y in np.arange(south, north + 1e-6, self.side_mm)]
        return shapely.multilinestrings([*across, *along])

    def _draw_lines(self) -> None:
        for z, (kind, layer) in zip((5.0, 5.4, 4.6), [(k, self._of_kind(k)) for k in style.LINES], strict=True):
            self.page.stroke(self.mm(shapely.union_all(layer.geometry.to_numpy())), style.LINES[kind], z)

    def _of_kind(self, kind: str) -> gpd.GeoDataFrame:
        layer = self.view.services if kind in set(self.view.services["kind"]) else self.view.resources
        return layer[layer["kind"] == kind]

    def _draw_claims(self) -> None:
        letters = shown.claimant_letters(self.view.release)
        for (status, claimant), claims in self.view.claims.groupby(["status", "claimant"], sort=True):
            line = self.mm(shapely.union_all(claims.geometry.to_numpy()))
            self.page.stroke(line, style.CLAIMS[status], 7)
            self._letter(lines_of(line), letters[claimant])

    def _letter(self, lines: Sequence[Any], letters: str) -> None:
        """A claimant's letters on its lines, every 60 mm where there is room."""
        width, height = text_width_mm(letters, BODY_PT, "Bold"), BODY_PT * PT_MM
        labels = []
        for line in lines:
            pieces = max(1, round(line.length / 60)) if line.length > 8 else 0
            for piece in range(pieces):
                steps = (piece + np.array([0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8])) / pieces
                middles = coordinates(shapely.line_interpolate_point(line, steps, normalized=True))
                labels.append([(x - width / 2, y - height / 2, x + width / 2, y + height / 2) for x, y in middles])
        for boxes, choice in zip(labels, place_labels(labels, frame=self.frame, taken=[*self.taken, *self.symbols]), strict=True):
            if choice is not None:
                west, south, _, _ = boxes[choice]
                self.page.text(west, south + 0.35, letters, face="Bold", z=9, halo=True)
                self.taken.append(boxes[choice])

    def _draw_hotspots(self) -> None:
        for row in self.view.hotspots.itertuples():
            shape = self.mm(row.geometry)
            self.page.stroke(shape, style.HOTSPOTS[row.kind], 8)
            text = str(row.hotspot_id)
            radius = max(2.6, text_width_mm(text, NUMBER_PT, "Bold") / 2 + 0.9)
            (boxes,) = self._least_busy([_boxes_outside(shape, radius)])
            box = boxes[place_labels([boxes], frame=self.frame, taken=[*self.taken, *self.symbols])[0] or 0]
            self.taken.append(box)
            self._number(text, (box[0] + radius, box[1] + radius), radius, row.kind == "hot")

    def _number(self, text: str, middle: tuple[float, float], radius: float, is_hot: bool) -> None:
        face, ink = (style.INK, style.PAPER) if is_hot else (style.PAPER, style.INK)
        self.page.marks([middle], "o", 2 * radius / PT_MM + 3, 14, fill=style.PAPER, edge=style.PAPER, edge_pt=0.0)
        self.page.marks([middle], "o", 2 * radius / PT_MM, 14, fill=face, edge_pt=1.2)
        width = text_width_mm(text, NUMBER_PT, "Bold")
        self.page.text(
            middle[0] - width / 2, middle[1] - 0.36 * NUMBER_PT * PT_MM, text, size=NUMBER_PT, face="Bold", colour=ink, z=15
        )

    def _draw_symbols(self) -> None:
        view, page = self.view, self.page
        if len(view.joint_work):
            middles = coordinates(self.mm(view.joint_work.geometry.centroid.to_numpy()))
            aside = max(self.side_mm / 4, 1.6)
            page.symbol([(x + aside, y + aside) for x, y in middles], style.SYMBOLS["joint_work"], 11)
        if view.points is not None:
            page.symbol(coordinates(self.mm(view.points.geometry.to_numpy())), style.SYMBOLS["report"], 10)
        for layer in (view.resources, view.services):
            for kind, rows in layer.groupby("kind", sort=True):
                points = coordinates(self.mm(rows.geometry[rows.geom_type == "Point"].to_numpy()))
                if kind in style.SYMBOLS and points:
                    page.symbol(points, style.SYMBOLS[kind], 12)
                    self.taken += [_symbol_box(point, style.SYMBOLS[kind]) for point in points]

    def _draw_frame(self) -> None:
        page, (west, south, east, north) = self.page, self.frame
        page.shape(shapely.box(*self.frame), lw=1.2, z=16)
        step = self.index_m * self.factor
        for edge, length, names in ((0, east - west, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), (1, north - south, None)):
            for number in range(ceil(length / step - 1e-9)):
                near, far = number * step, min((number + 1) * step, length)
                if far - near >= 4:
                    self._margin_label(names[number] if names else str(number + 1), (near + far) / 2, edge)
                if far < length - 1e-9:
                    self._margin_tick(far, edge)

    def _margin_label(self, text: str, middle: float, edge: int) -> None:
        west, south, east, north = self.frame
        half = text_width_mm(text, BODY_PT) / 2
        if edge == 0:
            places = [(west + middle - half, north + 1.3), (west + middle - half, south - 3.7)]
        else:
            places = [(west - INDEX_MM / 2 - half, north - middle - 1.1), (east + INDEX_MM / 2 - half, north - middle - 1.1)]
        for x, y in places:
            self.page.text(x, y, text)

    def _margin_tick(self, at: float, edge: int) -> None:
        west, south, east, north = self.frame
        if edge == 0:
            ticks = [[(west + at, north), (west + at, north + 3.5)], [(west + at, south), (west + at, south - 3.5)]]
        else:
            ticks = [[(west, north - at), (west - 3.5, north - at)], [(east, north - at), (east + 3.5, north - at)]]
        self.page.shape(shapely.multilinestrings(ticks), z=16)

    def _draw_names(self) -> int:
        """Draw settlements and names; how many settlements are dots, since their name has no room."""
        names = [*self._settlement_names(), *self._feature_names()]
        candidates = self._least_busy([name.boxes for name in names])
        chosen = place_labels(candidates, frame=self.frame, taken=self.taken, symbols=[name.symbol_box for name in names])
        for name, boxes, choice in zip(names, candidates, chosen, strict=True):
            if name.symbol is not None:
                self.page.symbol([name.point], style.UNNAMED if choice is None else name.symbol, 11 if choice is None else 12)
            if choice is not None:
                self._write_name(name, boxes[choice])
        return sum(name.symbol is not None and choice is None for name, choice in zip(names, chosen, strict=True))

    def _write_name(self, name: _Name, box: Box) -> None:
        west, south, east, _ = box
        for number, line in enumerate(name.lines, start=1):
            x = (west + east) / 2 - text_width_mm(line, BODY_PT, name.face) / 2
            y = south + 0.9 + (len(name.lines) - number) * NAME_LINE_MM
            self.page.text(x, y, line, face=name.face, z=13, halo=True)

    @cached_property
    def _busy(self) -> Any:
        """Lines and filled squares, on which names would rather not stand."""
        view = self.view
        lines = [view.claims.geometry, view.hotspots.geometry.boundary, *(self._of_kind(kind).geometry for kind in style.LINES)]
        every = shapely.union_all([shape for layer in lines for shape in layer.to_numpy()])
        busy = self.mm(np.array([every, shapely.union_all(view.cells.geometry.to_numpy())]))
        shapely.prepare(busy)
        return busy

    def _least_busy(self, candidates: Sequence[Sequence[Box]]) -> list[list[Box]]:
        """The boxes of each label with those first that cover least of the map."""
        every = np.array([box for boxes in candidates for box in boxes]).reshape(-1, 4)
        cost = iter(shapely.intersects(self._busy[:, None], shapely.box(*every.T)).sum(axis=0).tolist())
        # The boxes come first, so that no cost is taken when a label has no more of them.
        return [[box for box, _ in sorted(zip(boxes, cost, strict=False), key=itemgetter(1))] for boxes in candidates]

    def _settlement_names(self) -> list[_Name]:
        ranked = self.view.settlements.sort_values(["residents", "settlement_id"], ascending=[False, True], na_position="last")
        points = coordinates(self.mm(ranked.geometry.to_numpy()))
        names = [
            self.words.names(_one_line(name), _one_line(local) if isinstance(local, str) else None)
            for name, local in zip(ranked["name"], ranked["name_local"], strict=True)
        ]
        return [
            _Name(lines, "", point, _around(point, lines, "", style.SYMBOLS[kind].size_pt), style.SYMBOLS[kind])
            for lines, point, kind in zip(names, points, ranked["kind"], strict=True)
        ]

    def _feature_names(self) -> list[_Name]:
        found = []
        for layer in (self.view.services, self.view.resources):
            for row in layer[layer["name"].notna() & (layer["kind"] != "road")].itertuples():
                lines, shape = (_one_line(row.name),), self.mm(row.geometry)
                spots = coordinates([shape]) if shape.geom_type == "Point" else _spots(shape)
                size = style.SYMBOLS[row.kind].size_pt if row.kind in style.SYMBOLS else 2.0 * (row.kind in style.LINES)
                boxes = [box for spot in spots for box in _around(spot, lines, "Oblique", size)]
                found.append(_Name(lines, "Oblique", spots[0], boxes))
        return found


@dataclass(frozen=True)
class _Name:
    """A name on the map: its lines, where it may stand, and the symbol that is drawn with it."""

    lines: tuple[str, ...]
    face: str
    point: tuple[float, float]
    boxes: list[Box]
    symbol: Symbol | None = None

    @property
    def symbol_box(self) -> Box | None:
        return None if self.symbol is None else _symbol_box(self.point, self.symbol)


def _symbol_box(point: tuple[float, float], symbol: Symbol) -> Box:
    half = symbol.size_pt * PT_MM / 2
    return (point[0] - half, point[1] - half, point[0] + half, point[1] + half)


def _around(point: tuple[float, float], lines: tuple[str, ...], face: str, symbol_pt: float) -> list[Box]:
    """Boxes for a name around ``point``: on it if there is no symbol, else beside it."""
    width = max(text_width_mm(line, BODY_PT, face) for line in lines) + 0.6
    height = len(lines) * NAME_LINE_MM + 0.5
    if not symbol_pt:
        middle = (-width / 2, -height / 2)
        corners = [middle, (-width, -height / 2), (0.0, -height / 2), (-width / 2, 0.0), (-width / 2, -height)]
    else:
        gap = symbol_pt * PT_MM / 2 + 0.5
        far = gap * 0.7
        corners = [
            (far, far), (gap, -height / 2), (far, -far - height), (-far - width, far),
            (-gap - width, -height / 2), (-far - width, -far - height), (-width / 2, gap), (-width / 2, -gap - height),
        ]  # fmt: skip
    return [(point[0] + x, point[1] + y, point[0] + x + width, point[1] + y + height) for x, y in corners]


def _boxes_outside(shape: Any, radius: float) -> list[Box]:
    """Boxes for a number that touch the largest part of an area from outside, the most north-eastern first."""
    largest = max(shapely.get_parts(shape), key=shapely.area)
    ring = largest.buffer(radius + 0.9).exterior
    middles = coordinates(shapely.line_interpolate_point(ring, np.arange(0.0, 1.0, 1 / 48), normalized=True))
    middles.sort(key=sum, reverse=True)
    return [(x - radius, y - radius, x + radius, y + radius) for x, y in middles]


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _spots(shape: Any) -> list[tuple[float, float]]:
    """Points of a line or area at which its name may stand."""
    if shape.geom_type.endswith("Polygon"):
        return coordinates([shape.representative_point()])
    longest = max(lines_of(shape), key=lambda line: line.length)
    return coordinates(shapely.line_interpolate_point(longest, [0.5, 0.35, 0.65, 0.2, 0.8], normalized=True))
