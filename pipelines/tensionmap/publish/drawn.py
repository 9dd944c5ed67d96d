"""What a page holds: shapes, marks and lines of text in millimetres, each of which can be cut, enlarged and drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise
from typing import Any, Literal, Self

import numpy as np
import shapely
from matplotlib.colors import to_rgba
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D, Bbox, IdentityTransform

from tensionmap.publish import style
from tensionmap.publish.labels import Box, is_inside
from tensionmap.publish.letters import face as face_of

PT_MM = 25.4 / 72
ABOVE, BELOW = 0.76, 0.24
"""How far letters reach above and below the baseline, as shares of their size."""
HALO_PT = 1.2
EXACT = 6
"""Decimals of a point of lines and marks. Nobody sees them, but from rounded lines the audit could not tell how a map of a large
study lies on the ground, and would refuse it. Outlines of letters need no more than two."""


@dataclass(frozen=True, kw_only=True)
class Drawn(ABC):
    """Anything on a page: the height ``z`` at which it lies, and the box outside which nothing of it is seen."""

    z: float
    clip: Box | None = None

    @abstractmethod
    def cut(self, window: Box) -> Iterator[Self]:
        """What of it lies in ``window``."""

    @abstractmethod
    def enlarged(self, zoom: float, east: float, north: float) -> Self:
        """The same ``zoom`` times as large, moved."""

    @abstractmethod
    def draw(self, renderer: Any) -> None:
        """Draw it on a page of matplotlib's."""

    def begin(self, renderer: Any) -> Any:
        """A graphics context inside the clip."""
        context = renderer.new_gc()
        if self.clip:
            context.set_clip_rectangle(Bbox.from_extents(*(round(side / PT_MM, 3) for side in self.clip)))
        return context

    def _moved(self, zoom: float, east: float, north: float) -> Box | None:
        if self.clip is None:
            return None
        west, south, right, top = self.clip
        return (west * zoom + east, south * zoom + north, right * zoom + east, top * zoom + north)


@dataclass(frozen=True, kw_only=True)
class Shape(Drawn):
    """Lines, or areas with a fill, a hatch and an edge."""

    geometry: Any
    fill: str | Literal[False]
    ink: str | Literal[False]
    width_pt: float
    dash: Sequence[float]
    dash_from: float
    hatch: str

    def cut(self, window: Box) -> Iterator[Self]:
        """What of it lies in ``window``; a cut edge is not drawn, and dashes go on where they were."""
        parts = shapely.get_parts(self.geometry)
        if not len(parts) or not _meets(shapely.bounds(self.geometry), window):
            return
        if is_inside(tuple(shapely.bounds(self.geometry)), window):
            yield self
            return
        area, is_area = shapely.box(*window), shapely.get_dimensions(parts) == 2
        if self.fill or self.hatch:
            inside = _of_dimension(shapely.intersection(parts[is_area], area), 2)
            if len(inside):
                yield replace(self, geometry=shapely.multipolygons(inside), ink=False, clip=window)
        if self.ink:
            for line in [*shapely.get_parts(shapely.boundary(parts[is_area])), *parts[~is_area]]:
                for piece in _of_dimension(shapely.intersection(line, area), 1):
                    begins = shapely.line_locate_point(line, shapely.get_point(piece, 0)) / PT_MM if self.dash else 0.0
                    yield replace(
                        self, geometry=piece, fill=False, hatch="", dash_from=self.dash_from + float(begins), clip=window
                    )

    def enlarged(self, zoom: float, east: float, north: float) -> Self:
        """The same ``zoom`` times as large, moved."""
        return replace(
            self,
            geometry=shapely.transform(self.geometry, lambda at: at * zoom + (east, north)),
            width_pt=self.width_pt * zoom,
            dash_from=self.dash_from * zoom,
            clip=self._moved(zoom, east, north),
        )

    def draw(self, renderer: Any) -> None:
        """Draw it on a page of matplotlib's."""
        outline = outline_of(self.geometry)
        if outline is None:
            return
        context = self.begin(renderer)
        context.set_linewidth(self.width_pt if self.ink else 0.0)
        context.set_foreground(self.ink or style.INK)
        context.set_joinstyle("miter")
        if self.dash:
            context.set_dashes(self.dash_from, [length * self.width_pt for length in self.dash])
        if self.hatch:
            context.set_hatch(self.hatch)
            context.set_hatch_color(style.INK)
        renderer.draw_path(context, _in_points(outline, EXACT), IdentityTransform(), to_rgba(self.fill) if self.fill else None)
        context.restore()


@dataclass(frozen=True, kw_only=True)
class Marks(Drawn):
    """One mark at many points."""

    points: np.ndarray
    marker: Any
    size_pt: float
    fill: str | Literal[False]
    edge: str
    edge_pt: float
    part_filled: Any

    def cut(self, window: Box) -> Iterator[Self]:
        """The marks of which something lies in ``window``."""
        reach = (self.size_pt + self.edge_pt) / 2 * PT_MM
        west, south, east, north = window
        away = np.array([west, south]) - self.points, self.points - np.array([east, north])
        is_seen = (np.maximum(*away) < reach).all(axis=1)
        is_whole = (np.maximum(*away) <= -reach).all(axis=1)
        for kept, clip in ((is_whole, self.clip), (is_seen & ~is_whole, window)):
            if kept.any():
                yield replace(self, points=self.points[kept], clip=clip)

    def enlarged(self, zoom: float, east: float, north: float) -> Self:
        """The same ``zoom`` times as large, moved."""
        return replace(
            self,
            points=self.points * zoom + (east, north),
            size_pt=self.size_pt * zoom,
            edge_pt=self.edge_pt * zoom,
            clip=self._moved(zoom, east, north),
        )

    def draw(self, renderer: Any) -> None:
        """Draw them on a page of matplotlib's."""
        marker = MarkerStyle(self.marker, self.part_filled)
        context = self.begin(renderer)
        context.set_linewidth(self.edge_pt)
        context.set_foreground(self.edge)
        context.set_joinstyle(marker.get_joinstyle())
        context.set_capstyle(marker.get_capstyle())
        points = Outline((self.points / PT_MM).round(EXACT))
        fill = self.fill if marker.is_filled() and marker.get_fillstyle() != "none" else False
        faces: list[tuple[Outline, Any, str | Literal[False]]] = [(marker.get_path(), marker.get_transform(), fill)]
        if (other := marker.get_alt_path()) is not None:
            faces.append((other, marker.get_alt_transform(), style.PAPER))
        for path, turn, colour in faces:
            enlarged = turn + Affine2D().scale(self.size_pt)
            renderer.draw_markers(context, path, enlarged, points, IdentityTransform(), to_rgba(colour) if colour else None)
        context.restore()


@dataclass(frozen=True, kw_only=True)
class Writing(Drawn):
    """A line of text; one that is cut through is drawn, not written."""

    x: float
    y: float
    text: str
    size: float
    face: str
    colour: str
    has_halo: bool
    is_cut: bool = False

    @property
    def box(self) -> Box:
        """Where it stands."""
        size = self.size * PT_MM
        return (self.x, self.y - BELOW * size, self.x + self._ends()[-1], self.y + ABOVE * size)

    def _ends(self) -> list[float]:
        """Where each letter ends, from the first on."""
        return [end * self.size * PT_MM for end in accumulate(map(face_of(self.face).width, self.text), initial=0.0)]

    def cut(self, window: Box) -> Iterator[Self]:
        """The letters that lie in ``window``, and those cut by its edge."""
        if not _meets(self.box, window):
            return
        if is_inside(self.box, window):
            yield self
            return
        ends = self._ends()
        boxes = [(self.x + west, self.box[1], self.x + east, self.box[3]) for west, east in pairwise(ends)]
        kinds = ["whole" if is_inside(box, window) else "cut" if _meets(box, window) else "" for box in boxes]
        for kind, numbers in groupby(range(len(self.text)), key=kinds.__getitem__):
            first, *_ = run = list(numbers)
            if kind:
                text = "".join(self.text[number] for number in run)
                yield replace(self, x=self.x + ends[first], text=text, is_cut=kind == "cut", clip=window)

    def enlarged(self, zoom: float, east: float, north: float) -> Self:
        """The same ``zoom`` times as large, moved."""
        return replace(
            self, x=self.x * zoom + east, y=self.y * zoom + north, size=self.size * zoom, clip=self._moved(zoom, east, north)
        )

    def draw(self, renderer: Any) -> None:
        """Draw it on a page of matplotlib's, its halo under it."""
        context = self.begin(renderer)
        context.set_joinstyle("round")
        if self.has_halo:
            context.set_linewidth(2 * HALO_PT * self.size / style.SMALLEST_TYPE_PT)
            context.set_foreground(style.PAPER)
            renderer.draw_path(context, self._outline(), IdentityTransform(), to_rgba(style.PAPER))
        context.set_linewidth(0.0)
        context.set_foreground(self.colour)
        if self.is_cut:
            renderer.draw_path(context, self._outline(), IdentityTransform(), to_rgba(self.colour))
        else:
            font = face_of(self.face).properties.copy()
            font.set_size(self.size)
            renderer.draw_text(context, round(self.x / PT_MM, 3), round(self.y / PT_MM, 3), self.text, font, 0.0)
        context.restore()

    def _outline(self) -> Outline:
        points, codes = face_of(self.face).outline(self.text)
        return _in_points(Outline(points * self.size * PT_MM + np.array([self.x, self.y]), codes), 2)


def _in_points(outline: Outline, decimals: int) -> Outline:
    """Millimetres as points, with so many decimals."""
    return Outline((np.asarray(outline.vertices, dtype=float) / PT_MM).round(decimals), outline.codes)


def _meets(box: Sequence[float], window: Box) -> bool:
    return box[0] < window[2] and box[2] > window[0] and box[1] < window[3] and box[3] > window[1]


def _of_dimension(shapes: Any, dimension: int) -> Any:
    parts = shapely.get_parts(shapely.get_parts(shapes))
    return parts[(shapely.get_dimensions(parts) == dimension) & ~shapely.is_empty(parts)]


def outline_of(geometry: Any) -> Outline | None:
    """All rings or lines of ``geometry`` as one matplotlib path."""
    parts = shapely.get_parts(geometry)
    dimensions = shapely.get_dimensions(parts)
    rings = [*shapely.get_rings(parts[dimensions == 2]), *parts[dimensions == 1]]
    if not rings:
        return None
    points, ring = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(points), Outline.LINETO, dtype=Outline.code_type)
    begins = np.flatnonzero(np.diff(ring, prepend=-1))
    codes[begins] = Outline.MOVETO
    is_closed = shapely.get_type_id(rings) == shapely.GeometryType.LINEARRING
    codes[np.append(begins[1:], len(points))[is_closed] - 1] = Outline.CLOSEPOLY
    return Outline(points, codes)
