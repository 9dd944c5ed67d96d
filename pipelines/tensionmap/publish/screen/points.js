// Single reports as points: unpacked once into plain arrays, drawn on one canvas, found again under the pointer.
//
// Places are whole numbers in web Mercator: the world is POINT_WORLD units wide, so a unit is less than 4 cm.
// Points lie along a Z-shaped curve, and POINT_BLOCK neighbours on it share a box: what is not in view is passed over by boxes.
const POINT_WORLD = 2 ** 30;
const POINT_BLOCK = 512;
const POINT_COLUMNS = ["category", "reporter", "source", "datePrecision", "metres", "day"];
const POINT_CIRCLES = 4000; // of more points in view, the number in each small square is painted
const POINT_SQUARE = 3; // pixels
const POINT_RADIUS = 4; // pixels

// Shows the reports on the map, and what belongs to them in page.panel; a promise of the handle by which the page steers them.
async function showPoints(map, given, page) {
  const points = await unpackPoints(given);
  const telling = tellPoints(points, given, page);
  const filters = filterPoints(points, given, page, telling, refresh);
  const canvas = pointCanvas(map, points, filters.passes, given.look);
  const table = listPoints(map, points, page, telling, filters.passes, canvas, at => marks.goTo(at));
  const marks = markPoints(map, points, filters.passes, canvas, page, telling, table.mark);
  function refresh() {
    canvas.redraw();
    marks.refresh();
    table.refresh();
  }
  map.addLayer(canvas);
  return {
    show(isOn) {
      if (isOn) map.addLayer(canvas);
      else map.removeLayer(canvas);
      refresh();
    },
    setDays: filters.setDays,
    count: filters.count,
    select: marks.goTo,
  };
}

// What points.pack wrote, as arrays: x, y, each column by its name, and the boxes of blocks. The packed text is let go.
async function unpackPoints(given) {
  const text = atob(given.packed);
  given.packed = "";
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < packed.length; i++) packed[i] = text.charCodeAt(i);
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(plain).arrayBuffer());
  let at = 4; // after the name of the form
  const varint = () => {
    let number = 0, worth = 1;
    while (bytes[at] > 127) {
      number += (bytes[at++] - 128) * worth;
      worth *= 128;
    }
    return number + bytes[at++] * worth;
  };
  const count = varint(), length = varint();
  varint(); // the number of planes, which given.bytes tells column by column
  const planes = bytes.slice(at + length);
  const x = new Int32Array(count), y = new Int32Array(count);
  let place = 0;
  for (let i = 0; i < count; i++) {
    place += varint();
    const high = Math.floor(place / 2 ** 26), low = place - high * 2 ** 26;
    x[i] = mercatorX(everySecondBit(high) * 8192 + everySecondBit(low));
    y[i] = mercatorY(everySecondBit(high >>> 1) * 8192 + everySecondBit(low >>> 1));
  }
  const points = { count, x, y, boxes: boxesOf(x, y) };
  let plane = 0;
  POINT_COLUMNS.forEach((name, number) => {
    points[name] = joinPlanes(planes, plane, count, given.bytes[number]);
    plane += given.bytes[number] * count;
  });
  return points;
}

// A column of one byte a point is read where it lies; a wider one is put together from its planes, the lowest byte first.
function joinPlanes(planes, start, count, wide) {
  if (wide === 1) return planes.subarray(start, start + count);
  const column = wide === 2 ? new Uint16Array(count) : new Uint32Array(count);
  for (let plane = wide - 1; plane >= 0; plane--) {
    const from = start + plane * count;
    for (let i = 0; i < count; i++) column[i] = column[i] * 256 + planes[from + i];
  }
  return column;
}

// Bits 0, 2, 4 ... of 26 as one number.
function everySecondBit(bits) {
  bits &= 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  return (bits | (bits >>> 8)) & 0x0000ffff;
}

// From hundred-thousandths of a degree east of 180 W and north of 90 S.
function mercatorX(longitude) {
  return Math.round((longitude / 36e6) * POINT_WORLD);
}

function mercatorY(latitude) {
  const sine = Math.sin(((latitude / 1e5 - 90) * Math.PI) / 180);
  return Math.round((0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * POINT_WORLD);
}

function placeOfPoint(points, at) {
  const north = Math.PI * (1 - (2 * points.y[at]) / POINT_WORLD);
  return L.latLng((Math.atan(Math.sinh(north)) * 180) / Math.PI, (points.x[at] / POINT_WORLD) * 360 - 180);
}

// West, north, east and south of every POINT_BLOCK points.
function boxesOf(x, y) {
  const many = Math.ceil(x.length / POINT_BLOCK), boxes = new Int32Array(4 * many);
  for (let block = 0; block < many; block++) {
    const end = Math.min(x.length, (block + 1) * POINT_BLOCK);
    let west = POINT_WORLD, north = POINT_WORLD, east = 0, south = 0;
    for (let i = block * POINT_BLOCK; i < end; i++) {
      west = Math.min(west, x[i]);
      east = Math.max(east, x[i]);
      north = Math.min(north, y[i]);
      south = Math.max(south, y[i]);
    }
    boxes.set([west, north, east, south], 4 * block);
  }
  return boxes;
}

// Calls visit(from, to) for each run of points that can lie in a rectangle, given in units.
function runsInside(points, west, north, east, south, visit) {
  const { boxes, count } = points;
  for (let block = 0, at = 0; at < boxes.length; block++, at += 4) {
    if (boxes[at] <= east && boxes[at + 2] >= west && boxes[at + 1] <= south && boxes[at + 3] >= north) {
      visit(block * POINT_BLOCK, Math.min(count, (block + 1) * POINT_BLOCK));
    }
  }
}

// The layer that draws the points that pass: circles while they are few, else how many lie in each small square.
// The canvas is larger than the view and moves with the map: nothing is drawn while the map is dragged, but at the canvas' edge.
function pointCanvas(map, points, passes, look) {
  const pane = map.getPane("points") || map.createPane("points");
  if (!pane.style.zIndex) pane.style.zIndex = 450;
  pane.style.pointerEvents = "none";
  const small = document.createElement("canvas");
  const few = new Int32Array(POINT_CIRCLES);
  let counts = new Uint32Array(0), drawn = 0;

  const Canvas = L.Renderer.extend({
    options: { pane: "points", padding: 0.3 },
    getEvents() {
      return { ...L.Renderer.prototype.getEvents.call(this), move: this._keepCovered };
    },
    _initContainer() {
      this._container = document.createElement("canvas");
      this._container.className = "point-canvas";
    },
    _destroyContainer() {
      this._container.remove();
      this._container = null;
    },
    _updatePaths() {},
    _keepCovered() {
      const corner = map.containerPointToLayerPoint([0, 0]);
      if (!this._bounds.contains(L.bounds(corner, corner.add(map.getSize())))) this._update();
    },
    _update() {
      if (map._animatingZoom && this._bounds) return;
      L.Renderer.prototype._update.call(this);
      const size = this._bounds.getSize(), canvas = this._container, ratio = window.devicePixelRatio || 1;
      const width = Math.ceil(size.x * ratio), height = Math.ceil(size.y * ratio);
      L.DomUtil.setPosition(canvas, this._bounds.min);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      canvas.style.width = `${width / ratio}px`;
      canvas.style.height = `${height / ratio}px`;
      const brush = canvas.getContext("2d");
      brush.setTransform(ratio, 0, 0, ratio, 0, 0);
      brush.clearRect(0, 0, size.x, size.y);
      this._draw(brush, size, ratio);
    },
    _draw(brush, size, ratio) {
      const { x, y } = points, view = unitsOf(this._bounds);
      const wide = Math.ceil(size.x / POINT_SQUARE), high = Math.ceil(size.y / POINT_SQUARE), squares = view.scale / POINT_SQUARE;
      if (counts.length < wide * high) counts = new Uint32Array(wide * high);
      else counts.fill(0);
      drawn = 0;
      runsInside(points, view.west, view.north, view.east, view.south, (from, to) => {
        for (let i = from; i < to; i++) {
          if (passes[i] === 0) continue;
          const column = Math.floor((x[i] - view.west) * squares), row = Math.floor((y[i] - view.north) * squares);
          if (column < 0 || row < 0 || column >= wide || row >= high) continue;
          counts[row * wide + column]++;
          if (drawn < POINT_CIRCLES) few[drawn] = i;
          drawn++;
        }
      });
      if (drawn > POINT_CIRCLES) paintSquares(brush, counts, wide, high, small, look);
      else paintCircles(brush, points, few.subarray(0, drawn), view, ratio, look);
    },
    redraw() {
      if (this.isOn()) this._update();
    },
    isOn() {
      return Boolean(this._map);
    },
    // The points that were drawn, if they are few enough to list.
    few() {
      return drawn > POINT_CIRCLES ? null : few.subarray(0, drawn);
    },
    // What is seen of the map, in units.
    view() {
      const corner = map.containerPointToLayerPoint([0, 0]);
      return unitsOf(L.bounds(corner, corner.add(map.getSize())));
    },
  });

  // A rectangle of the map's pane in units, and how many pixels a unit is.
  function unitsOf(bounds) {
    const scale = (256 * 2 ** map.getZoom()) / POINT_WORLD, origin = map.getPixelOrigin();
    const [west, east] = [bounds.min.x, bounds.max.x].map(pixel => (origin.x + pixel) / scale);
    const [north, south] = [bounds.min.y, bounds.max.y].map(pixel => (origin.y + pixel) / scale);
    return { scale, west, north, east, south };
  }

  return new Canvas();
}

// The more points in a square, the less can be seen through it; the fullest square in view sets the measure.
function paintSquares(brush, counts, wide, high, small, look) {
  Object.assign(small, { width: wide, height: high });
  const painter = small.getContext("2d"), picture = painter.createImageData(wide, high);
  const pixels = new Uint32Array(picture.data.buffer), fill = parseInt(look.fill.slice(1), 16);
  const colour = ((fill & 0xff) << 16) | (fill & 0xff00) | (fill >> 16);
  let most = 1;
  for (let at = 0; at < pixels.length; at++) if (counts[at] > most) most = counts[at];
  const contrast = 165 / Math.log(most + 1);
  for (let at = 0; at < pixels.length; at++) {
    if (counts[at] > 0) pixels[at] = colour | (Math.floor(90 + contrast * Math.log(counts[at])) << 24);
  }
  painter.putImageData(picture, 0, 0);
  brush.imageSmoothingEnabled = false;
  brush.drawImage(small, 0, 0, wide * POINT_SQUARE, high * POINT_SQUARE);
}

function paintCircles(brush, points, few, view, ratio, look) {
  const half = POINT_RADIUS + 1, stamp = document.createElement("canvas");
  stamp.width = stamp.height = Math.ceil(2 * half * ratio);
  const painter = stamp.getContext("2d");
  painter.scale(ratio, ratio);
  painter.arc(half, half, POINT_RADIUS, 0, 2 * Math.PI);
  painter.fillStyle = look.fill;
  painter.fill();
  painter.strokeStyle = look.edge;
  painter.stroke();
  const side = stamp.width / ratio;
  for (const at of few) {
    brush.drawImage(stamp, (points.x[at] - view.west) * view.scale - half, (points.y[at] - view.north) * view.scale - half, side, side);
  }
}

// Words beside the point under the pointer, and a ring around the chosen one; onChosen is told its number, or -1 for none.
function markPoints(map, points, passes, canvas, page, telling, onChosen) {
  const words = L.tooltip({ className: "words report", direction: "auto", offset: [8, 0], opacity: 1 });
  const ring = L.circleMarker([0, 0], { pane: "points", radius: 9, weight: 3, color: "#000", fill: false, interactive: false });
  let hovered = -1, chosen = -1, waiting = 0;

  function nearest(where, reach) {
    if (!canvas.isOn() || page.isLeft?.(map.containerPointToLatLng(where))) return -1;
    const view = canvas.view(), far = reach / view.scale;
    const east = view.west + where.x / view.scale, south = view.north + where.y / view.scale;
    let found = -1, least = far * far;
    runsInside(points, east - far, south - far, east + far, south + far, (from, to) => {
      for (let i = from; i < to; i++) {
        const away = (points.x[i] - east) ** 2 + (points.y[i] - south) ** 2;
        if (away < least && passes[i] !== 0) {
          least = away;
          found = i;
        }
      }
    });
    return found;
  }

  // The points at one place follow each other.
  function samePlace(at) {
    const { x, y, count } = points, found = [];
    let i = at;
    while (i > 0 && x[i - 1] === x[at] && y[i - 1] === y[at]) i--;
    for (; i < count && x[i] === x[at] && y[i] === y[at]; i++) if (passes[i] !== 0) found.push(i);
    return found;
  }

  function tell(at) {
    map.getContainer().classList.toggle("at-point", hovered >= 0);
    if (at < 0) map.closeTooltip(words);
    else map.openTooltip(words.setContent(telling.lines(at, samePlace(at).length - 1)).setLatLng(placeOfPoint(points, at)));
  }

  function hover(at) {
    if (at === hovered) return;
    hovered = at;
    tell(at);
  }

  // A click leaves the pointer at the point that it chooses.
  function choose(at, pointed = -1) {
    chosen = at;
    hovered = pointed;
    if (at < 0) ring.remove();
    else ring.setLatLng(placeOfPoint(points, at)).addTo(map);
    tell(at);
    onChosen(at);
  }

  map.on("mousemove", event => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => hover(nearest(event.containerPoint, 7)));
  });
  map.on("mouseout movestart", () => {
    cancelAnimationFrame(waiting);
    hovered = -1;
    tell(chosen);
  });
  map.on("click", event => {
    cancelAnimationFrame(waiting); // a finger moves the pointer and clicks at once, and reaches further
    const at = nearest(event.containerPoint, matchMedia("(pointer: coarse)").matches ? 16 : 7);
    if (at < 0) {
      if (chosen >= 0) choose(-1);
      return;
    }
    // A further click goes on to the next report at the same place.
    const here = samePlace(at);
    const next = here.includes(chosen) ? here[(here.indexOf(chosen) + 1) % here.length] : at;
    choose(next, next);
  });
  page.onLanguage(() => tell(chosen));
  return {
    goTo(at) {
      choose(at);
      if (at >= 0) map.panTo(placeOfPoint(points, at));
    },
    refresh() {
      if (chosen >= 0 && (passes[chosen] === 0 || !canvas.isOn())) choose(-1);
      else {
        hovered = -1;
        tell(chosen);
      }
    },
  };
}

// Everything that is said of a point, in the language of the page.
function tellPoints(points, given, page) {
  const say = (name, values) => page.say(given.words[name], values);
  const begin = Date.parse(`${given.first_day}T00:00Z`);
  const calendar = day => new Date(begin + day * 864e5);
  const nameOf = month => page.say(given.months[month]);
  const nameInDay = month => page.say(given.months_of_day[month]); // some languages say it in another form
  const month = number => say("month", { month: nameOf(number % 12), year: Math.floor(number / 12) });
  const monthOf = day => 12 * calendar(day).getUTCFullYear() + calendar(day).getUTCMonth();
  const number = whole => String(whole).replace(/\B(?=(\d{3})+$)/g, page.say(given.thousands).slice(2, -3));
  const category = at => page.say(given.categories[points.category[at]]);
  const reporter = at => page.say(given.reporters[points.reporter[at]]);
  const source = at => page.say(given.sources[points.source[at]]);
  const metres = at => number(given.metres[points.metres[at]]);
  function date(at) {
    const when = calendar(points.day[at]), precision = given.date_precisions[points.datePrecision[at]];
    if (precision === "month") return month(monthOf(points.day[at]));
    if (precision === "year") return String(when.getUTCFullYear());
    const day = say("day", { day: when.getUTCDate(), month: nameInDay(when.getUTCMonth()), year: when.getUTCFullYear() });
    return precision === "day" ? day : say("since", { day });
  }
  function lines(at, others) {
    const told = [category(at), date(at), say("who", { who: reporter(at) }), say("out_of", { source: source(at) })];
    told.push(say("within", { metres: metres(at) }));
    if (others > 0) told.push(say("here", { n: number(others) }));
    return page.make("div", "", ...told.map(line => page.make("div", "", line)));
  }
  return {
    say, number, month, monthOf, date, category, reporter, source, lines,
    within: at => say("metres", { metres: metres(at) }),
    dayOf: iso => Math.round((Date.parse(`${iso}T00:00Z`) - begin) / 864e5),
  };
}
