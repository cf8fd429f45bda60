// Waveform and spectrogram lanes, drawn from tiles; while a tile is on its way the next coarser one stands in.

import { formatNumber } from "./axis.js";
import { Lane, gridLine, scaleMark } from "./lane.js";
import { QUIETEST, SILENT, colourMap } from "./theme.js";

const FULL_SCALE = 32767;
const NOT_CARRIED = -FULL_SCALE; // the maximum of a column that the page leaves to the coarser level

class SoundLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.facts = view.client.header.sounds[spec.sound];
  }

  // Ask for the tiles of `level` that are in view; where one does not exist, for the next coarser ones, too.
  request(axis, kind, level, levels, column, columns) {
    for (let l = level; l < levels; l++) {
      const keys = this.visible(axis, column(l), columns).map((index) => `${this.spec.sound}/${kind}/${l}/${index}`);
      const there = keys.filter((key) => this.view.client.has(key));
      there.forEach((key) => this.view.store.get(key));
      if (there.length === keys.length) return;
    }
  }

  // Indices of the tiles that cover the window, for columns of `column` seconds.
  visible(axis, column, columns) {
    const tile = column * columns;
    const first = Math.max(0, Math.floor((axis.start - this.facts.start_s) / tile));
    const end = Math.min(axis.end - this.facts.start_s, this.facts.duration_s);
    const last = Math.floor(end / tile);
    return last < first ? [] : Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }
}

export class WaveLane extends SoundLane {
  get geometry() {
    return this.view.client.header.tiles.wave;
  }

  column(level) {
    return this.geometry.factor ** level / this.facts.rate_hz;
  }

  // The coarsest level that still has a column for every pixel.
  level(axis) {
    let level = this.facts.wave_levels - 1;
    while (level > 0 && this.column(level) > axis.pixel * 1.01) level--;
    return level;
  }

  overview() {
    const top = this.facts.wave_levels - 1;
    return this.view.store.get(`${this.spec.sound}/wave/${top}/0`);
  }

  // Gain by the loudest sample of the whole sound, so that the picture does not breathe while one scrolls.
  reach() {
    const tile = this.overview();
    if (!this.peak && tile) {
      let peak = 0;
      eachColumn(tile.data, (low, high) => (peak = Math.max(peak, -low, high)));
      this.peak = Math.min(1, Math.max((peak / FULL_SCALE) * 1.12, 0.02));
    }
    return this.peak ?? 1;
  }

  paint(pen) {
    const { box } = pen;
    const reach = this.reach();
    const middle = box.y + box.h / 2;
    const y = (value) => middle - (value / FULL_SCALE / reach) * (box.h / 2 - 2);
    const mark_db = Math.floor((20 * Math.log10(reach * 0.8)) / 3) * 3;
    const mark = FULL_SCALE * 10 ** (mark_db / 20);
    for (const value of [-mark, mark]) {
      gridLine(pen, y(value));
      scaleMark(pen, y(value), formatNumber(mark_db));
    }
    gridLine(pen, middle);
    scaleMark(pen, middle, "−∞");
    const { low, high } = this.columns(pen);
    this.fill(pen, y, low, high);
  }

  // Minimum and maximum for each pixel column; NaN where nothing is known yet.
  columns({ axis, box }) {
    const count = Math.ceil(box.w);
    const low = new Float32Array(count).fill(NaN);
    const high = new Float32Array(count).fill(NaN);
    const level = this.level(axis);
    this.request(axis, "wave", level, this.facts.wave_levels, (l) => this.column(l), this.geometry.columns);
    for (let l = this.facts.wave_levels - 1; l >= level; l--) this.gather(axis, box, l, low, high);
    return { low, high };
  }

  gather(axis, box, level, low, high) {
    const column = this.column(level);
    const columns = this.geometry.columns;
    for (const index of this.visible(axis, column, columns)) {
      const tile = this.view.store.peek(`${this.spec.sound}/wave/${level}/${index}`);
      if (tile) spread(tile.data, this.facts.start_s + index * columns * column, column, axis, box, low, high);
    }
  }

  fill({ ctx, box, theme }, y, low, high) {
    ctx.fillStyle = theme.wave;
    for (let c = 0; c < low.length; c++) {
      if (Number.isNaN(low[c])) continue;
      const top = y(high[c]);
      ctx.fillRect(box.x + c, top - 0.5, 1, Math.max(y(low[c]) - top, 0) + 1);
    }
  }

  read(t) {
    const { axis } = this.view;
    const level = this.level(axis);
    const column = this.column(level);
    const at = Math.floor((t - this.facts.start_s) / column);
    const tile = this.view.store.peek(`${this.spec.sound}/wave/${level}/${Math.floor(at / this.geometry.columns)}`);
    const i = (at % this.geometry.columns) * 2;
    if (!tile || at < 0 || i + 1 >= tile.data.length || tile.data[i] > tile.data[i + 1]) return [];
    const peak = Math.max(Math.abs(tile.data[i]), Math.abs(tile.data[i + 1])) / FULL_SCALE;
    return [[`${this.spec.label} peak`, peak ? `${formatNumber((20 * Math.log10(peak)).toFixed(1))} dBFS` : "digital silence"]];
  }

  describe(axis) {
    return `${this.facts.label}, ${this.facts.rate_hz} Hz, ${(axis.span).toFixed(2)} s in view`;
  }
}

// Minimum and maximum of each column of which something is known.
export function eachColumn(data, visit) {
  for (let i = 0; i < data.length; i += 2) if (data[i] <= data[i + 1]) visit(data[i], data[i + 1], i / 2);
}

// Merge the columns of a tile into the pixel columns that they touch; a column wider than a pixel fills all of them.
function spread(data, start, column, axis, box, low, high) {
  const scale = axis.width / axis.span;
  const count = data.length / 2;
  const first = Math.max(0, Math.floor((axis.start - start) / column) - 1);
  const last = Math.min(count, Math.ceil((axis.end - start) / column) + 1);
  const touched = new Uint8Array(low.length);
  for (let i = first; i < last; i++) {
    const nothing = data[2 * i] > data[2 * i + 1];
    if (nothing && data[2 * i + 1] === NOT_CARRIED) continue;
    const from = Math.max(0, Math.floor((start + i * column - axis.start) * scale));
    const to = Math.min(low.length, Math.max(from + 1, Math.floor((start + (i + 1) * column - axis.start) * scale)));
    for (let c = from; c < to; c++) {
      if (nothing) {
        if (!touched[c]) low[c] = high[c] = NaN;
        continue;
      }
      if (!touched[c] || data[2 * i] < low[c]) low[c] = data[2 * i];
      if (!touched[c] || data[2 * i + 1] > high[c]) high[c] = data[2 * i + 1];
      touched[c] = 1;
    }
  }
}

export class SpectrogramLane extends SoundLane {
  constructor(spec, view) {
    super(spec, view);
  }

  get geometry() {
    return this.view.client.header.tiles.spectrogram;
  }

  column(level) {
    return this.geometry.hop_s * this.geometry.factor ** level;
  }

  // The coarsest level whose columns are at most two pixels wide.
  level(axis) {
    let level = this.facts.spectrogram_levels - 1;
    while (level > 0 && this.column(level) > axis.pixel * 2) level--;
    return level;
  }

  paint(pen) {
    const { ctx, box, theme } = pen;
    ctx.fillStyle = theme.unknown;
    ctx.fillRect(box.x, box.y, box.w, box.h);
    const level = this.level(pen.axis);
    this.request(pen.axis, this.view.scale, level, this.facts.spectrogram_levels, (l) => this.column(l), this.geometry.columns);
    for (let l = this.facts.spectrogram_levels - 1; l >= level; l--) this.paintLevel(pen, l);
    this.paintScale(pen);
  }

  paintLevel(pen, level) {
    const column = this.column(level);
    for (const index of this.visible(pen.axis, column, this.geometry.columns)) {
      const picture = this.picture(pen.theme, `${this.spec.sound}/${this.view.scale}/${level}/${index}`);
      if (picture) this.paintTile(pen, picture, this.facts.start_s + index * this.geometry.columns * column, column);
    }
  }

  paintTile({ ctx, axis, box }, picture, start, column) {
    const left = Math.round(axis.x(start));
    const right = Math.round(axis.x(start + picture.width * column));
    const from = Math.max(left, box.x);
    const to = Math.min(right, box.x + box.w);
    if (to <= from) return;
    const scale = picture.width / (right - left);
    ctx.imageSmoothingEnabled = true;
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(picture, (from - left) * scale, 0, (to - from) * scale, picture.height, from, box.y, to - from, box.h);
  }

  picture(theme, key) {
    const tile = this.view.store.peek(key);
    if (!tile || !tile.data.length) return null;
    if (tile.theme !== theme) Object.assign(tile, { theme, picture: this.colour(tile.data, colourMap(theme.unknown)) });
    return tile.picture;
  }

  colour(data, colours) {
    const { rows } = this.geometry;
    const columns = data.length / rows;
    const canvas = document.createElement("canvas");
    canvas.width = columns;
    canvas.height = rows;
    const image = new ImageData(columns, rows);
    const out = new Uint32Array(image.data.buffer);
    const map = new Uint32Array(colours.buffer);
    for (let c = 0; c < columns; c++) {
      for (let r = 0; r < rows; r++) out[(rows - 1 - r) * columns + c] = map[data[c * rows + r]];
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  edges() {
    return this.facts.edges_hz[this.view.scale];
  }

  paintScale(pen) {
    const { box } = pen;
    const edges = this.edges();
    const marks = box.h > 100 ? [100, 500, 1000, 2000, 4000, 8000] : [1000, 4000];
    let last = Infinity;
    for (const hz of marks) {
      const row = edges.findIndex((edge) => edge >= hz);
      if (row < 1) continue;
      const y = box.y + box.h - ((row - 1 + (hz - edges[row - 1]) / (edges[row] - edges[row - 1])) / (edges.length - 1)) * box.h;
      if (last - y < 13) continue;
      last = y;
      scaleMark(pen, y, String(hz / 1000), true);
    }
  }

  read() {
    return [];
  }

  // Level under a point of the picture.
  readAt(t, y, box) {
    const edges = this.edges();
    const row = Math.floor(((box.y + box.h - y) / box.h) * (edges.length - 1));
    if (row < 0 || row >= edges.length - 1) return [];
    const level = this.level(this.view.axis);
    const at = Math.floor((t - this.facts.start_s) / this.column(level));
    const index = Math.floor(at / this.geometry.columns);
    const tile = this.view.store.peek(`${this.spec.sound}/${this.view.scale}/${level}/${index}`);
    const value = tile?.data[(at - index * this.geometry.columns) * this.geometry.rows + row];
    if (value === undefined) return [];
    const hz = (edges[row] + edges[row + 1]) / 2;
    const level_db = ((value - QUIETEST) / (255 - QUIETEST) - 1) * -this.geometry.floor_db;
    const said = value >= QUIETEST ? `${formatNumber(level_db.toFixed(0))} dB` : value === SILENT ? "digital silence" : "nothing recorded or sent";
    return [[`at ${(hz / 1000).toFixed(2)} kHz`, said]];
  }

  describe() {
    return `${this.facts.label}, level by frequency, ${this.view.scale} scale`;
  }
}
