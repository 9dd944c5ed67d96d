import dataclasses
from itertools import pairwise

import pytest

from tensionmap import tables
from tensionmap.publish import style


def luminance(colour):
    """Relative luminance, 0 black to 1 white (WCAG)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def on_paper_white(band):
    parts = [int(band.screen_fill[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = [round(part * band.screen_opacity + 255 * (1 - band.screen_opacity)) for part in parts]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def strokes():
    grounds = [ground.outline for ground in style.GROUNDS.values()]
    return [*style.LINES.values(), *style.CLAIMS.values(), *style.HOTSPOTS.values(), *grounds, style.CELL_EDGE]


def test_styles_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        style.CLAIMS["claimed"].width_pt = 9  # type: ignore[misc]


def test_every_band_is_drawn_and_at_most_three_are_filled():
    assert list(style.BANDS) == list(tables.BANDS)
    filled = [band for band in style.BANDS.values() if band.hatch]
    assert len(filled) == 3
    assert len({band.hatch for band in filled}) == 3
    assert style.BANDS[tables.BANDS[0]].hatch == ""


def test_screen_fills_darken_with_the_band_in_grey_too_and_are_not_red():
    steps = [luminance(on_paper_white(band)) for band in style.BANDS.values()]
    assert all(lighter - darker > 0.1 for lighter, darker in pairwise(steps))
    for band in style.BANDS.values():
        red, _, blue = (int(band.screen_fill[i : i + 2], 16) for i in (1, 3, 5))
        assert blue >= red


def test_no_line_is_too_thin_to_be_copied():
    edges = [(stroke.width_pt - stroke.core_pt) / (2 if stroke.core_pt else 1) for stroke in strokes()]
    assert min(edges) >= style.THINNEST_LINE_PT - 1e-9
    assert style.HATCH_LINE_PT >= style.THINNEST_LINE_PT


def test_claims_differ_by_status_in_pattern_and_alike_in_colour_and_rank():
    claims = style.CLAIMS
    assert set(claims) == {"claimed", "agreed", "undetermined"}
    assert len({(stroke.dash, stroke.dots_pt) for stroke in claims.values()}) == 3
    assert {stroke.colour for stroke in claims.values()} == {style.INK}
    assert all(stroke.halo_pt > 0 for stroke in claims.values())
    assert max(s.width_pt for s in claims.values()) - min(s.width_pt for s in claims.values()) < 0.5


def test_every_kind_of_the_background_has_a_look_and_symbols_differ():
    looks = {*style.LINES, *style.GROUNDS, *style.SYMBOLS}
    assert {*tables.RESOURCE_KINDS, *tables.SERVICE_KINDS, "village", "town"} - looks == set()
    shapes = [(symbol.marker, symbol.is_filled, symbol.marker == "o" and symbol.size_pt) for symbol in style.SYMBOLS.values()]
    assert len(set(shapes)) == len(shapes)


def test_one_stroke_reads_in_both_drawing_libraries():
    dashed, solid = style.CLAIMS["claimed"], style.CLAIMS["agreed"]
    assert dashed.linestyle == (0.0, (7.0, 3.5))
    assert dashed.dash_css == "7 3.5"
    assert (solid.linestyle, solid.dash_css) == ("-", "")


@pytest.mark.parametrize(
    ("parties", "letters"),
    [
        (["Norvia", "Selmar"], {"Norvia": "N", "Selmar": "S"}),
        (["Selmar", "Norvia", "Norvia"], {"Norvia": "N", "Selmar": "S"}),
        (["Nor", "Norvia"], {"Nor": "Nor", "Norvia": "Norv"}),
        (["Alpha", "Alto"], {"Alpha": "Alp", "Alto": "Alt"}),
        ([], {}),
    ],
)
def test_letters_of_claimants_are_short_and_never_shared(parties, letters):
    assert style.claimant_letters(parties) == letters
