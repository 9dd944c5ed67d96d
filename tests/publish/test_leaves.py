"""Pages of text and ruled tables: what goes on where, what is refused, and that no heading stands alone."""

import numpy as np
import pytest
import shapely

from tensionmap.errors import ReleaseError
from tensionmap.publish import leaves as written
from tensionmap.publish.chart import View
from tensionmap.publish.columns import RULE_MM
from tensionmap.publish.drawn import Shape, Writing
from tensionmap.publish.leaves import READING_PT, Leaf, Leaves, filled
from tensionmap.publish.page import A4_MM, BODY_PT, Page, line_mm
from tensionmap.publish.paper import Paper
from tensionmap.publish.ruled import PAD_MM, Ruled
from tensionmap.publish.words import Words

WEST, WIDTH, TOP, FLOOR = 10.0, 100.0, 90.0, 10.0
LINE = line_mm(READING_PT)


@pytest.fixture
def leaves():
    """Small pages, 100 mm wide and 80 mm high inside."""
    return Leaves(lambda: Leaf(Page(120, 100), WEST, WIDTH, TOP, FLOOR))


def texts(page):
    return [piece.text for piece in page.drawn if isinstance(piece, Writing)]


def told(leaves):
    return [texts(page) for page in leaves.pages]


def lines_of(page):
    """The heights of the lines to write on, the highest first."""
    shapes = [piece for piece in page.drawn if isinstance(piece, Shape)]
    ends = [shapely.bounds(part) for shape in shapes for part in shapely.get_parts(shape.geometry)]
    return sorted((south for west, south, east, north in ends if north - south < 1e-9 and east - west > 5), reverse=True)


def down_to(leaves, free_mm):
    """Fill the page until so much is left."""
    leaves.leaf.top = leaves.leaf.floor + free_mm


# Refused ---------------------------------------------------------------------------------------------------------------------


def test_a_paragraph_higher_than_a_page_is_refused_by_its_beginning(leaves):
    with pytest.raises(ReleaseError, match=r"'word word .*\.\.\.' is higher than a page\. Make it shorter"):
        leaves.text("word " * 800)


def test_a_row_higher_than_a_page_is_refused_even_behind_others(leaves):
    rows = [("short", "short"), ("word " * 500, "short")]
    with pytest.raises(ReleaseError, match="higher than a page"):
        leaves.table(Ruled.fitted(("Concern", "Done"), rows, WIDTH))


def test_more_lines_to_write_on_than_a_page_holds_are_refused(leaves):
    with pytest.raises(ReleaseError, match="higher than a page"):
        leaves.rules(11)


def test_a_table_with_a_word_wider_than_its_page_is_refused_by_its_headings():
    with pytest.raises(ReleaseError, match=r"The table under 'Concern Done' is wider than its page\. Choose shorter words"):
        Ruled.fitted(("Concern", "Done"), [("w" * 90, "")], WIDTH)


def test_a_word_wider_than_its_column_is_refused_by_name():
    with pytest.raises(ReleaseError, match="The word 'wwwwwwwwwwwwwwwwwwww' is wider than its box"):
        Ruled(("A", "B"), (10.0, 10.0), (("w" * 20, ""),)).draw(Page(100, 100), 10, 90)


def test_type_that_a_copy_loses_is_refused():
    with pytest.raises(ReleaseError, match="would be printed at 8 pt"):
        Ruled.fitted(("Concern",), [("theft",)], WIDTH, size_pt=8.0)


def test_rows_of_another_number_of_cells_are_refused():
    with pytest.raises(ValueError, match="argument"):
        Ruled.fitted(("A", "B"), [("one",)], WIDTH)


# Pages -----------------------------------------------------------------------------------------------------------------------


def test_texts_follow_one_another_downwards_inside_the_page(leaves):
    leaves.title("Title")
    leaves.text("Paragraph")
    leaves.heading("Heading", "under it")
    leaves.points(["first", "second"])
    (page,) = leaves.pages
    assert texts(page) == ["Title", "Paragraph", "Heading", "under it", "•", "first", "•", "second"]
    heights = [piece.y for piece in page.drawn if isinstance(piece, Writing)]
    assert heights == sorted(heights, reverse=True)
    boxes = np.array([piece.box for piece in page.drawn if isinstance(piece, Writing)])
    assert (boxes[:, 0] >= WEST).all()
    assert (boxes[:, 3] <= TOP).all()
    rows = boxes[[0, 1, 2, 3, 5, 7]]
    assert (rows[:-1, 1] > rows[1:, 3]).all(), "lines do not overlap"


@pytest.mark.parametrize("height_lines", [1, 3, 5])
def test_a_heading_is_never_parted_from_what_it_stands_over(leaves, height_lines):
    """Whatever room is left, the heading is on the page of the point, never the last of the page before."""
    point = " ".join(["word" * 6] * height_lines)
    for free_mm in np.arange(4.0, 50.0, 1.0):
        leaves.pages[:] = leaves.pages[-1:]
        down_to(leaves, free_mm)
        before = len(leaves.pages)
        leaves.heading("Heading", "under it")
        leaves.points([point])
        page = leaves.pages[-1]
        assert len(leaves.pages) - before in (0, 1)
        assert texts(page)[-3 - height_lines :] == ["Heading", "under it", "•", *["word" * 6] * height_lines]
        assert min(piece.box[1] for piece in page.drawn if isinstance(piece, Writing)) >= FLOOR - 1


@pytest.mark.parametrize("follow", ["table", "rules", "fill", "text"])
def test_a_heading_goes_with_a_table_and_with_lines_to_write_on(leaves, follow):
    down_to(leaves, 13.0)
    leaves.heading("Heading")
    given = {"table": (Ruled.fitted(("A",), [("one",)], WIDTH),), "rules": (1,), "fill": (), "text": ("word " * 40,)}[follow]
    getattr(leaves, follow)(*given)
    assert "Heading" not in told(leaves)[0]
    assert told(leaves)[1][0] == "Heading"


def test_a_heading_stays_where_what_follows_just_fits(leaves):
    height = written.GAP_MM + line_mm(written.HEADING_PT) + written.AFTER_MM + LINE
    down_to(leaves, height)
    leaves.heading("Heading")
    leaves.text("just fits")
    assert told(leaves) == [["Heading", "just fits"]]
    down_to(leaves, height - 0.1)
    leaves.heading("Second")
    leaves.text("does not")
    assert told(leaves)[1] == ["Second", "does not"]


def test_a_paragraph_is_kept_whole(leaves):
    down_to(leaves, 2 * LINE)
    leaves.text("word " * 30)
    assert [len(page) for page in told(leaves)] == [0, 3]


def test_lines_to_write_on_fill_what_is_left_and_not_more(leaves):
    leaves.text("first")
    leaves.fill()
    heights = lines_of(leaves.pages[0])
    assert len(heights) == int((80 - LINE - written.AFTER_MM) / RULE_MM)
    assert heights[-1] >= FLOOR
    assert heights[-1] - FLOOR < RULE_MM
    leaves.rules(2)
    assert [len(lines_of(page)) for page in leaves.pages] == [len(heights), 2]


# Tables ----------------------------------------------------------------------------------------------------------------------


def test_a_table_goes_on_under_the_same_headings_with_every_row_once(leaves):
    rows = [(f"concern {number}", "agreed") for number in range(1, 41)]
    leaves.table(Ruled.fitted(("Concern", "What"), rows, WIDTH))
    pages = told(leaves)
    assert len(pages) == 4
    assert [page[:2] for page in pages] == [["Concern", "What"]] * len(pages)
    assert [text for page in pages for text in page[2::2]] == [first for first, _ in rows]
    assert all(min(lines_of(page)) >= FLOOR for page in leaves.pages)


def test_a_rest_repeats_whose_row_it_is(leaves):
    rows = [("1. Water", "first"), *[("", f"next {number}") for number in range(30)], ("2. Theft", "last")]
    leaves.table(Ruled.fitted(("Concern", "What"), rows, WIDTH))
    assert len(leaves.pages) > 1
    assert all(page[2] == "1. Water" for page in told(leaves))
    assert sum(text.startswith("next ") for page in told(leaves) for text in page) == 30


def test_columns_fill_the_width_and_hold_their_longest_word():
    table = Ruled.fitted(("No.", "Concern", "Where"), [("1", "Irrigation dispute of the lower canal", "Orrin")], WIDTH)
    assert sum(table.widths_mm) == pytest.approx(WIDTH)
    assert max(map(len, table.lines[1])) == 1
    least, first, second = (
        np.array(Ruled.fitted(("No.", "Concern", "Where"), [("", "", "")], WIDTH, shares=shares).widths_mm)
        for shares in ((1, 0, 0), (0, 3, 1), (0, 1, 3))
    )
    spare = first[1] - least[1] + first[2] - least[2]
    assert first - (0, least[1], least[2]) == pytest.approx([first[0], 0.75 * spare, 0.25 * spare])
    assert second - (0, least[1], least[2]) == pytest.approx([first[0], 0.25 * spare, 0.75 * spare])


@pytest.mark.parametrize("row", [("", "", ""), ("1", "", "")])
def test_a_row_to_write_into_is_high_enough_for_a_hand(row):
    heights = Ruled.fitted(("No.", "Concern", "Where"), [row, ("1", "Theft", "")], WIDTH).heights_mm
    assert heights == pytest.approx([line_mm(BODY_PT) + 2 * PAD_MM, 9.0, line_mm(BODY_PT) + 2 * PAD_MM])
    (height,) = Ruled.fitted(("No.", "Concern", "Where"), [row], WIDTH, empty_mm=12.0).heights_mm[1:]
    assert height == 12.0


def test_texts_stand_inside_their_cells():
    page = Page(120, 100)
    table = Ruled.fitted(("Concern", "What was agreed"), [("Irrigation dispute " * 3, "Water timetable"), ("Theft", "")], WIDTH)
    end = table.draw(page, WEST, TOP)
    assert end == pytest.approx(TOP - sum(table.heights_mm))
    edges = TOP - np.cumsum([0, *table.heights_mm])
    stops = WEST + np.cumsum([0, *table.widths_mm])
    for piece in page.drawn:
        if isinstance(piece, Writing):
            west, south, east, north = piece.box
            row, column = np.searchsorted(-edges, -north) - 1, np.searchsorted(stops, west) - 1
            assert south > edges[row + 1]
            assert east < stops[column + 1]
    (grid,) = [piece for piece in page.drawn if isinstance(piece, Shape)]
    assert grid.geometry.bounds == pytest.approx((WEST, end, WEST + WIDTH, TOP))
    assert grid.width_pt >= 0.8


# Pages of a sheet ------------------------------------------------------------------------------------------------------------


def paper_of(release):
    return Paper(View(release, "tension"), Words("en"), "A4", A4_MM, label="v1-2026Q3")


def test_what_fits_is_set_in_the_size_for_reading_and_what_does_not_in_the_smallest(release):
    def write(lines):
        def fill(leaves):
            for _ in range(lines):
                leaves.text("A line of the page.")

        return filled(paper_of(release()), fill)

    sizes = [
        {piece.size for piece in pages[0].drawn if isinstance(piece, Writing) and piece.text == "A line of the page."}
        for pages in (write(10), write(50), write(100))
    ]
    assert sizes == [{READING_PT}, {BODY_PT}, {BODY_PT}]
    assert [len(write(lines)) for lines in (10, 50, 100)] == [1, 1, 2]


def test_every_page_carries_banner_and_imprint(release):
    made = release()
    for page in filled(paper_of(made), lambda leaves: leaves.points(["A point of the list."] * 120)):
        found = " ".join(texts(page))
        assert "INVENTED TRAINING DATA" in found
        assert made.digest in found
        assert min(piece.box[1] for piece in page.drawn if isinstance(piece, Writing)) > 8


def test_a_banner_is_not_printed_of_a_study_that_is_not_invented(release):
    (page,) = filled(paper_of(release(is_invented=False)), lambda leaves: leaves.text("one"))
    assert "INVENTED" not in " ".join(texts(page))
