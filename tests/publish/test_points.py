"""Single reports on a screen: what is refused, what the bytes hold, and what a reader finds, in a real browser."""

import base64
import zlib
from importlib.resources import files
from io import BytesIO

import folium
import geopandas as gpd
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect
from shapely.geometry import LineString, Point

from tensionmap.errors import GeometryError, ReleaseError
from tensionmap.publish import points
from tensionmap.publish.offline import as_json, make_offline
from tensionmap.publish.points import pack, with_words
from tensionmap.publish.texts import Texts

HOSTILE = ["<script>window.P=1</script>", "<img src=x onerror=window.P=1>", "${window.P=1}", "</script>`{{7*7}}", "{n} {metres}"]
ENDS = [(-180, -85), (180, 85), (-0.000004, 0), (179.99999, -84.99999)]
SCREEN = files("tensionmap.publish").joinpath("screen")

PAGE = """
const listeners = [];
let language = 0;
const page = {
  panel: document.querySelector("aside"),
  say: (number, values = {}) => texts[language][number].replace(/\\{(\\w+)\\}/g, (whole, name) => values[name] ?? whole),
  onLanguage(listener) { listener(); listeners.push(listener); },
  make(tag, className, ...children) {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
  },
};
window.map = map;
window.given = { ...given };
window.unpack = () => unpackPoints({ ...window.given });
window.speak = number => { language = number; listeners.forEach(listener => listener()); };
window.reports = showPoints(map, given, page);
"""


def make_points(n=400, seed=1, **columns):
    """Reports around four villages, in the order of their numbers."""
    rng = np.random.default_rng(seed)
    villages = np.array([(70.1, 39.9), (70.4, 40.0), (70.6, 39.8)])
    degrees = villages[rng.integers(0, 3, n)] + rng.normal(0, 0.02, (n, 2))
    drawn = {
        "category": rng.choice(["theft", "livestock_theft", "fraud"], n, p=[0.6, 0.3, 0.1]),
        "reported_by": rng.choice(["Norvia", "Selmar"], n),
        "source": rng.choice(["north_register", "south_register", "kobo"], n),
        "date_start": pd.Timestamp("2023-10-05") + pd.to_timedelta(rng.integers(0, 400, n), unit="D"),
        "date_precision": rng.choice(["day", "month", "year", "week"], n, p=[0.7, 0.1, 0.1, 0.1]),
        "location_precision_m": rng.choice([10.0, 99.5, 900.0, 1500.0, 7000.0], n),
    }
    return gpd.GeoDataFrame({**drawn, **columns}, index=range(n), geometry=gpd.points_from_xy(*degrees.T), crs=4326)


def make_page(frame, languages=("en",)):
    texts = Texts(languages)
    given = with_words(pack(frame), texts)
    m = folium.Map([39.9, 70.4], tiles=None, zoom_start=10, maxZoom=18, zoomSnap=0.25, fade_animation=False)
    code = "\n".join(SCREEN.joinpath(name).read_text(encoding="utf-8") for name in ("points.js", "filters.js", "table.js"))
    script = (
        f"(function (map, given, texts) {{\n{code}\n{PAGE}\n}})({m.get_name()}, {as_json(given)}, {as_json(texts.by_language)});"
    )
    css = "\n".join(SCREEN.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "points.css"))
    return make_offline(m, title="Reports", css=css, body="<header></header><aside></aside>", script=script)


@pytest.fixture
def read(visit):
    """Opens the page of some points; checks at the end that it asked for nothing and complained of nothing."""
    opened = []

    def reading(frame, languages=("en",)):
        page, seen = visit(make_page(frame, languages))
        page.evaluate("async () => { window.handle = await reports; }")
        opened.append((page, seen))
        return page

    yield reading
    for page, seen in opened:
        assert seen == []
        assert page.evaluate("window.P") is None


def shown(page):
    return page.locator(".shown").text_content()


def unpacked(page):
    """Everything that the browser made of the packed text, as a table."""
    found = page.evaluate("""async () => {
      const points = await unpack();
      const degrees = Array.from(points.x, (x, at) => [
        x / 2 ** 30 * 360 - 180, Math.atan(Math.sinh(Math.PI * (1 - 2 * points.y[at] / 2 ** 30))) * 180 / Math.PI]);
      const columns = ["category", "reporter", "source", "datePrecision", "metres", "day"].map(name => Array.from(points[name]));
      return { degrees, columns };
    }""")
    given = page.evaluate("given")
    codes = np.array(found["columns"], dtype=int).reshape(6, -1)
    first = pd.Timestamp(given["first_day"])
    return pd.DataFrame(np.array(found["degrees"]).reshape(-1, 2).round(5), columns=["longitude", "latitude"]).assign(
        **{name: codes[at] for at, name in enumerate(("category", "reported_by", "source"))},
        date_precision=[given["date_precisions"][code] for code in codes[3]],
        location_precision_m=[given["metres"][code] for code in codes[4]],
        date_start=[first + pd.Timedelta(days=int(day)) for day in codes[5]],
    )


def expected(frame):
    """The same table, made from the points."""
    codes = {name: pd.factorize(frame[name], sort=True)[0] for name in ("category", "reported_by", "source")}
    metres = np.ceil(frame["location_precision_m"]).astype(int)
    place = {"longitude": frame.geometry.x.round(5), "latitude": frame.geometry.y.round(5)}
    rest = frame[["date_precision", "date_start"]]
    return pd.DataFrame({**place, **codes, "location_precision_m": metres}).join(rest)


def as_rows(frame):
    columns = sorted(frame.columns)
    return sorted(map(tuple, frame[columns].astype(str).to_numpy()))


def month_of(frame):
    return frame["date_start"].dt.to_period("M")


# Refused -------------------------------------------------------------------------------------------------------------------


def test_points_that_are_not_in_degrees_are_refused():
    for wrong in (make_points().to_crs(32642), make_points().set_crs(None, allow_override=True)):
        with pytest.raises(GeometryError, match="not in degrees"):
            pack(wrong)
    with pytest.raises(GeometryError, match="Check the CRS"):
        pack(make_points().set_geometry([Point(500_000, 4_000_000)] * 400, crs=4326))


@pytest.mark.parametrize("shape", [LineString([(70, 40), (71, 41)]), Point(), None])
def test_what_is_no_point_is_refused(shape):
    with pytest.raises(GeometryError, match="not points"):
        pack(make_points().set_geometry([*make_points().geometry[1:], shape], crs=4326))


@pytest.mark.parametrize("column", points.COLUMNS)
def test_missing_values_are_refused_by_the_name_of_their_column(column):
    with pytest.raises(ReleaseError, match=column):
        pack(make_points().drop(columns=column))
    frame = make_points()
    frame[column] = frame[column].where(frame.index != 3)
    with pytest.raises(ReleaseError, match=column):
        pack(frame)


def test_more_kinds_than_can_be_chosen_from_are_refused():
    with pytest.raises(ReleaseError, match="category of the points has 70,000"):
        pack(make_points(70_000, category=[f"kind {n}" for n in range(70_000)]))


def test_more_points_than_a_page_can_hold_are_refused(monkeypatch):
    monkeypatch.setattr(points, "MOST_POINTS", 399)
    with pytest.raises(ReleaseError, match="cannot hold 400 points"):
        pack(make_points())


# Bytes ---------------------------------------------------------------------------------------------------------------------


def test_order_and_repetition_of_rows_do_not_change_the_bytes():
    frame = make_points(2000)
    frame.geometry = frame.geometry.set_precision(0.01)  # many points at one place
    packed = pack(frame)
    for seed in range(3):
        assert pack(frame.sample(frac=1, random_state=seed)) == packed
    assert pack(frame.assign(incident_id="KD-20417")) == packed
    assert pack(pd.concat([frame, frame.head(1)])) != packed


def test_points_are_sorted_by_place_and_then_by_what_is_said():
    frame = make_points(2, category=["theft", "fraud"]).set_geometry([Point(70, 40)] * 2, crs=4326)
    plain = zlib.decompress(base64.b64decode(pack(frame)["packed"]), -15)
    assert plain.startswith(points.MAGIC)
    assert plain[7:][plain[5] :][:2] == bytes([0, 1])


def test_a_million_points_take_less_than_eight_bytes_each():
    packed = pack(make_points(20_000))
    assert len(packed["packed"]) < 9 * 20_000


# In a browser --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        make_points(),
        make_points(1),
        make_points(40, date_start=pd.date_range("1931-02-03", periods=40, freq="900D").astype("datetime64[us]")),
        make_points(300, location_precision_m=np.arange(300) * 7.0),
        make_points(70_000, location_precision_m=np.arange(70_000) * 1.0),
        make_points(4).set_geometry(
            [Point(*place) for place in [(-180, -85), (180, 85), (-0.000004, 0), (179.99999, -84.99999)]], crs=4326
        ),
        make_points(9).set_geometry([Point(70.123456, 40.654321)] * 9, crs=4326),
    ],
    ids=["many", "one", "before 1970", "300 radii", "70,000 radii", "ends of the world", "one place"],
)
def test_browser_unpacks_what_was_packed(read, frame):
    page = read(frame)
    assert as_rows(unpacked(page).assign(longitude=lambda t: t["longitude"] + 0.0)) == as_rows(
        expected(frame).assign(longitude=lambda t: t["longitude"] + 0.0)
    )
    assert page.evaluate("handle.count()") == len(frame)


def test_no_points_are_a_page_that_says_so(read):
    page = read(make_points().head(0))
    assert shown(page) == "0 of 0 reports shown"
    page.locator(".point-table summary").click()
    expect(page.locator(".nothing")).to_have_text("No report in this view passes the filters.")


def options_of(page, name):
    """Label and count of every tick of a filter."""
    spans = "all => all.map(li => [...li.querySelectorAll('span')].map(span => span.textContent))"
    return page.locator(f".{name} li").evaluate_all(spans)


def test_ticks_filter_and_count(read):
    frame = make_points()
    page = read(frame)
    page.locator(".by_category summary").click()
    page.locator(".by_category label", has_text="Fraud").click()
    page.locator(".by_reporter summary").press("Enter")
    page.get_by_label("Norvia").press("Space")
    is_kind, is_side = frame["category"] != "fraud", frame["reported_by"] != "Norvia"
    assert shown(page) == f"{(is_kind & is_side).sum()} of 400 reports shown"
    assert page.evaluate("handle.count()") == (is_kind & is_side).sum()
    counts = dict(
        page.locator(".by_category li").evaluate_all(
            "all => all.map(li => [...li.querySelectorAll('span')].map(s => s.textContent))"
        )
    )
    assert counts == {
        name: str((is_side & (frame["category"] == key)).sum())
        for name, key in {"Fraud": "fraud", "Livestock theft": "livestock_theft", "Theft": "theft"}.items()
    }
    sides = dict(
        page.locator(".by_reporter li").evaluate_all(
            "all => all.map(li => [...li.querySelectorAll('span')].map(s => s.textContent))"
        )
    )
    assert sides == {side: str((is_kind & (frame["reported_by"] == side)).sum()) for side in ("Norvia", "Selmar")}
    assert page.locator(".by_category summary").inner_text() == "Kind of report (2/3)"
    page.get_by_text("Show all reports").click()
    assert shown(page) == "400 of 400 reports shown"


def test_classes_of_precision_hold_the_radii_up_to_theirs(read):
    frame = make_points()
    page = read(frame)
    page.locator(".by_precision summary").click()
    told = page.locator(".by_precision li").evaluate_all(
        "all => all.map(li => [...li.querySelectorAll('span')].map(s => s.textContent))"
    )
    classes = pd.cut(frame["location_precision_m"], [-1, 100, 1000, 5000, np.inf]).value_counts(sort=False)
    assert told == [
        [name, str(n)] for name, n in zip(["within 100 m", "within 1 km", "within 5 km", "less exactly"], classes, strict=True)
    ]
    page.locator(".by_precision .none").click()
    assert shown(page) == "0 of 400 reports shown"
    page.locator(".by_precision li").last.click()
    assert shown(page) == f"{(frame['location_precision_m'] > 5000).sum()} of 400 reports shown"


def test_sliders_and_bars_choose_months(read):
    frame = make_points()
    months = month_of(frame)
    page = read(frame)
    page.get_by_label("From", exact=True).fill("3")
    page.get_by_label("To", exact=True).fill("5")
    chosen = months.between(pd.Period("2024-01"), pd.Period("2024-03"))
    expect(page.locator(".shown")).to_have_text(f"{chosen.sum()} of 400 reports shown")
    assert page.get_by_label("From", exact=True).get_attribute("aria-valuetext") == "January 2024"
    assert page.locator(".when output").inner_text() == "January 2024 to March 2024"
    box, many = page.locator(".bars").bounding_box(), months.nunique()
    page.mouse.move(box["x"] + box["width"] * 7.5 / many, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 6.5 / many, box["y"] + 9, steps=3)
    page.mouse.up()
    chosen = months.between(pd.Period("2024-04"), pd.Period("2024-05"))
    expect(page.locator(".shown")).to_have_text(f"{chosen.sum()} of 400 reports shown")
    page.get_by_text("Show all reports").click()
    assert shown(page) == "400 of 400 reports shown"
    assert page.locator(".when output").inner_text() == "October 2023 to November 2024"


def test_a_quarter_is_a_frame_that_filters_do_not_leave(read):
    frame = make_points()
    page = read(frame)
    page.evaluate("handle.setDays('2024-01-10', '2024-03-31')")
    in_quarter = frame["date_start"].between("2024-01-10", "2024-03-31")
    assert shown(page) == f"{in_quarter.sum()} of 400 reports shown"
    page.get_by_text("Show all reports").click()
    assert page.evaluate("handle.count()") == in_quarter.sum()
    page.evaluate("handle.setDays(null, null)")
    assert page.evaluate("handle.count()") == 400


def open_table(page):
    page.locator(".point-table summary").click()
    expect(page.locator(".point-table caption")).to_have_text("Reports in this view, the latest first")


def until(page, script, found):
    """Waits until ``script`` gives what is expected: Playwright's own way needs eval, which the page forbids."""
    for _ in range(100):
        if page.evaluate(script) == found:
            return
        page.wait_for_timeout(50)
    assert page.evaluate(script) == found


def rows_of(page):
    return page.locator(".point-table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )


def test_table_lists_what_is_in_view_the_latest_first(read):
    frame = make_points(date_precision="day")
    page = read(frame)
    page.evaluate("map.fitBounds([[39.85, 70.05], [39.95, 70.15]], {animate: false})")
    open_table(page)
    south, west, north, east = page.evaluate("(b => [b.getSouth(), b.getWest(), b.getNorth(), b.getEast()])(map.getBounds())")
    inside = frame.cx[west:east, south:north].sort_values("date_start", ascending=False)
    assert 100 < len(inside) < 200
    told = rows_of(page)
    assert [pd.Timestamp(row[0]) for row in told] == list(inside["date_start"])[:100]
    assert sorted(row[1] for row in told) == sorted(inside["category"].str.replace("_", " ").str.capitalize().iloc[:100])
    page.get_by_text("Show 100 more").click()
    assert len(rows_of(page)) == len(inside)
    assert page.locator(".more").is_hidden()
    assert page.locator(".point-table thead th").evaluate_all("all => all.map(th => th.scope)") == ["col"] * 5


def test_table_of_more_points_than_are_drawn_one_by_one(read):
    frame = make_points(9000, date_precision="day")
    page = read(frame)
    open_table(page)
    latest = frame.sort_values("date_start", ascending=False)["date_start"].iloc[:100]
    assert [pd.Timestamp(row[0]) for row in rows_of(page)] == list(latest)


def lone_point(**columns):
    told = {"category": "livestock_theft", "date_precision": "day", "location_precision_m": 1500.0, "source": "north_register"}
    return make_points(1, **{**told, "reported_by": "Selmar", "date_start": pd.Timestamp("2024-03-07"), **columns})


def place_on_screen(page, frame, row=0):
    at = frame.geometry.iloc[row]
    box = page.locator(".folium-map").bounding_box()
    x, y = page.evaluate("([lat, lng]) => (p => [p.x, p.y])(map.latLngToContainerPoint([lat, lng]))", [at.y, at.x])
    return box["x"] + x, box["y"] + y


@pytest.mark.parametrize(
    ("precision", "date"), [("day", "7 March 2024"), ("month", "March 2024"), ("year", "2024"), ("week", "from 7 March 2024")]
)
def test_pointer_over_a_point_tells_of_it(read, precision, date):
    frame = lone_point(date_precision=precision)
    page = read(frame)
    x, y = place_on_screen(page, frame)
    page.mouse.move(x + 60, y)
    page.wait_for_timeout(60)
    assert page.locator(".report").count() == 0
    page.mouse.move(x + 2, y)
    lines = page.locator(".report").inner_text().splitlines()
    assert lines == ["Livestock theft", date, "Reported by: Selmar", "Source: North register", "Place known to within 1,500 m"]
    page.mouse.move(x + 60, y)
    expect(page.locator(".report")).to_have_count(0)


def test_clicks_at_one_place_go_through_its_reports(read):
    frame = make_points(3, source=["a", "b", "c"], category="theft").set_geometry([Point(70.4, 39.9)] * 3, crs=4326)
    page = read(frame)
    open_table(page)
    chosen = []
    for _ in range(4):
        page.mouse.click(*place_on_screen(page, frame))
        assert page.locator(".report").inner_text().endswith("2 more at the same place")
        chosen.append(page.locator("tr[aria-current]").get_attribute("data-point"))
    assert len(set(chosen)) == 3
    assert chosen[0] == chosen[3]
    x, y = place_on_screen(page, frame)
    page.mouse.click(x + 90, y)
    assert page.locator("tr[aria-current], .report").count() == 0


def test_a_row_leads_to_its_point_by_keyboard(read):
    frame = make_points(date_precision="day")
    page = read(frame)
    open_table(page)
    button = page.locator(".point-table tbody button").nth(4)
    at = int(page.locator(".point-table tbody tr").nth(4).get_attribute("data-point"))
    button.focus()
    page.keyboard.press("Enter")
    place = unpacked(page).iloc[at]
    until(
        page,
        f"map.distance(map.getCenter(), [{place['latitude']}, {place['longitude']}]) < 200",
        True,
    )
    assert page.locator("tr[aria-current]").get_attribute("data-point") == str(at)
    assert page.evaluate("document.activeElement.closest('tr').dataset.point") == str(at)
    assert page.locator(".report").count() == 1
    assert page.locator(".leaflet-points-pane path").count() == 1
    page.locator(".by_category summary").click()
    page.locator(".by_category .none").click()
    assert page.locator(".report").count() == 0


def ink(page):
    """How many pixels of the canvas are painted."""
    return page.evaluate("""() => {
      const canvas = document.querySelector(".point-canvas");
      if (!canvas) return 0;
      const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
      const brush = copy.getContext("2d", { willReadFrequently: true });
      brush.drawImage(canvas, 0, 0);
      const data = brush.getImageData(0, 0, canvas.width, canvas.height).data;
      let painted = 0;
      for (let at = 3; at < data.length; at += 4) painted += data[at] > 0;
      return painted;
    }""")


def test_points_are_drawn_where_they_are_and_can_be_hidden(read):
    frame = lone_point()
    page = read(frame)
    assert 50 < ink(page) < 120
    x, y = (round(n) for n in place_on_screen(page, frame))
    shot = page.screenshot(clip={"x": x - 1, "y": y - 1, "width": 3, "height": 3})
    assert matplotlib.image.imread(BytesIO(shot))[1, 1, :3] == pytest.approx([0x3F / 255, 0, 0x7D / 255], abs=0.02)
    page.evaluate("([lat, lng]) => map.setView([lat, lng], 16, {animate: false})", [frame.geometry.y[0], frame.geometry.x[0]])
    x, y = place_on_screen(page, frame)
    assert 50 < ink(page) < 120
    page.evaluate("handle.show(false)")
    assert ink(page) == 0
    page.mouse.click(x, y)
    assert page.locator(".report").count() == 0
    page.evaluate("handle.show(true)")
    assert 50 < ink(page) < 120


def test_many_points_are_squares_that_stay_while_the_map_is_dragged_far(read):
    page = read(make_points(9000))
    before = ink(page)
    assert before > 3000
    page.mouse.move(500, 400)
    page.mouse.down()
    page.mouse.move(-400, 400, steps=12)
    boxes = "['.point-canvas', '.folium-map'].map(name => document.querySelector(name).getBoundingClientRect())"
    until(page, f"(([canvas, frame]) => canvas.left <= frame.left && canvas.right >= frame.right)({boxes})", True)
    page.mouse.move(500, 400, steps=12)
    assert ink(page) == pytest.approx(before, rel=0.1)
    page.mouse.up()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_read_and_does_not_run(read, text):
    frame = lone_point(category=text, source=text, reported_by=text)
    page = read(frame)
    open_table(page)
    page.mouse.click(*place_on_screen(page, frame))
    told = text.replace("_", " ")
    capital = told[:1].upper() + told[1:]
    assert capital in page.locator(".report").inner_text()
    assert page.locator(".point-table tbody td").first.inner_text() == capital
    assert page.locator("img, aside script").count() == 0


def test_another_language_changes_every_word(read):
    frame = make_points(2000)
    page = read(frame, ["en", "tg"])
    open_table(page)
    page.evaluate("speak(1)")
    told = page.locator("aside").inner_text()
    assert "Дуздии чорво" in told
    assert "January" not in told
    page.evaluate("speak(0)")
    assert "Livestock theft" in page.locator("aside").inner_text()


def test_four_hundred_pixels_and_a_finger_are_enough(browser, tmp_path):
    frame = lone_point()
    path = tmp_path / "page.html"
    path.write_text(make_page(frame), encoding="utf-8")
    context = browser.new_context(offline=True, viewport={"width": 400, "height": 700}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("async () => { window.handle = await reports; }")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.evaluate("([lat, lng]) => map.setView([lat, lng], 12, {animate: false})", [frame.geometry.y[0], frame.geometry.x[0]])
    x, y = place_on_screen(page, frame)
    page.touchscreen.tap(x + 10, y)
    assert page.locator(".report").inner_text().startswith("Livestock theft")
    context.close()
