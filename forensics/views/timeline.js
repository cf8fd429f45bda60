// The timeline: every lane of a call on one time axis. Hosted by anywidget in JupyterLab, inlined in the report.
//
// mount(element, client, options) shows what a client (see canvas/source.js) has.

import { TimeAxis, formatTime } from "./canvas/axis.js";
import { element } from "./canvas/dom.js";
import { EventLane } from "./canvas/events.js";
import { listen } from "./canvas/gestures.js";
import { buildHead } from "./canvas/heads.js";
import { LineLane } from "./canvas/lines.js";
import { Listening } from "./canvas/listening.js";
import { MAP_PX } from "./canvas/minimap.js";
import { paintCursor, paintHair, paintRange } from "./canvas/overlay.js";
import { PacketLane } from "./canvas/packets.js";
import { LANE_GAP_PX, paintLanes, pictureOf, sharpen } from "./canvas/painting.js";
import { buildBar, buildKeys, buildLegend, buildTable, readings, showGlitchCount, showReading } from "./canvas/panel.js";
import { RULER_PX } from "./canvas/ruler.js";
import { SpectrogramLane, WaveLane } from "./canvas/sound.js";
import { TileStore } from "./canvas/source.js";
import { ActivityLane, PredictionLane, SetupLane } from "./canvas/stretches.js";
import { readTheme } from "./canvas/theme.js";
import { TurnLane } from "./canvas/turns.js";
import { VerdictLane } from "./canvas/verdicts.js";

const LANES = {
  verdicts: VerdictLane, turns: TurnLane, activity: ActivityLane, events: EventLane, lines: LineLane, setup: SetupLane,
  packets: PacketLane, predicted: PredictionLane, wave: WaveLane, spectrogram: SpectrogramLane,
};
const WIDE_GUTTER_PX = 164;
const NARROW_GUTTER_PX = 46;
const NARROW_PX = 620;
const NARROW_HEAD_PX = 19;
const GLITCH_MARGIN_S = 0.6;

export class Timeline {
  constructor(root, client, { window: shown = null, lanes = null, compact = false, label = "", glitch = null } = {}) {
    this.root = root;
    this.client = client;
    this.header = client.header;
    this.axisFacts = this.header.axis;
    this.compact = compact;
    this.axis = new TimeAxis(this.axisFacts.start_s, this.axisFacts.end_s);
    this.axis.name = this.axisFacts.name;
    if (shown) this.axis.show(...shown);
    this.store = new TileStore(client, () => this.repaint());
    this.scale = client.scales[0];
    this.chosen = glitch;
    this.hover = this.range = null;
    this.cursor = Math.max(this.axis.start, 0);
    this.listeners = [];
    this.listening = new Listening(this);
    this.lanes = this.header.lanes
      .filter((spec) => !lanes || lanes.includes(spec.id))
      .map((spec) => new LANES[spec.kind](lanes ? { ...spec, folded: false } : spec, this));
    this.build(label);
  }

  build(label) {
    this.base = element("canvas", { class: "tl-canvas", "aria-hidden": "true" });
    this.over = this.compact ? null : element("canvas", { class: "tl-canvas tl-over", "aria-hidden": "true" });
    const name = label || `Timeline of ${this.header.title}`;
    const role = this.compact ? { role: "img", "aria-label": name } : { role: "application", "aria-label": `${name}. Keys are listed below.`, tabindex: "0" };
    this.stage = element("div", { class: "tl-stage", ...role }, ...this.canvases);
    this.root.classList.add("tl");
    this.root.dataset.lmSuppressShortcuts = "true";
    this.heads = this.lanes.map((lane) => buildHead(this, lane));
    this.lanes.forEach((lane, i) => (lane.head = this.heads[i]));
    this.stage.append(...this.heads);
    if (this.compact) this.root.replaceChildren(this.stage);
    else this.buildAround();
    this.theme = readTheme(this.root, this.header.causes);
    this.watch();
    this.layout();
  }

  buildAround() {
    this.readout = element("div", { class: "tl-readout" });
    this.live = element("div", { class: "tl-live", "aria-live": "polite" });
    this.table = buildTable(this);
    const foot = element("div", { class: "tl-foot" }, this.table, buildKeys());
    this.root.replaceChildren(buildBar(this), this.readout, this.stage, buildLegend(this), foot, this.live);
    listen(this);
    showGlitchCount(this);
  }

  watch() {
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.stage);
    const restyle = () => this.restyle();
    this.themes = new MutationObserver(() => requestAnimationFrame(restyle));
    for (const node of [document.documentElement, document.body]) {
      this.themes.observe(node, { attributeFilter: ["data-theme", "data-jp-theme-name", "data-jp-theme-light", "class"] });
    }
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", restyle);
    this.unwatch = () => this.scheme.removeEventListener("change", restyle);
  }

  // Take over the page's colours and size, and draw at once.
  restyle() {
    this.theme = readTheme(this.root, this.header.causes);
    this.layout();
  }

  close() {
    this.listening.stop();
    this.observer.disconnect();
    this.themes.disconnect();
    this.unwatch();
    this.client.close();
  }

  // ---- size and place ------------------------------------------------------------------------------------------------

  layout() {
    const width = Math.floor(this.stage.clientWidth);
    if (!width) return;
    this.narrow = width < NARROW_PX;
    this.stage.classList.toggle("tl-narrow", this.narrow);
    this.axis.left = this.narrow ? NARROW_GUTTER_PX : WIDE_GUTTER_PX;
    this.axis.width = width - this.axis.left - 1;
    this.rulerTop = this.compact ? 0 : MAP_PX;
    this.lanesTop = this.rulerTop + RULER_PX;
    let top = this.lanesTop;
    for (const lane of this.lanes) {
      lane.top = top;
      lane.room = this.narrow && !lane.folded ? NARROW_HEAD_PX : 0;
      top += lane.room + lane.shown + LANE_GAP_PX;
      this.placeHead(lane);
    }
    this.height = top;
    this.stage.style.height = `${top}px`;
    for (const canvas of this.canvases) sharpen(canvas, width, top);
    this.paint();
  }

  get canvases() {
    return this.over ? [this.base, this.over] : [this.base];
  }

  placeHead(lane) {
    const { head } = lane;
    head.style.top = `${lane.top}px`;
    head.style.height = `${lane.room || lane.shown}px`;
    head.style.width = this.narrow || lane.folded ? "" : `${WIDE_GUTTER_PX - 36}px`;
    head.classList.toggle("tl-folded", lane.folded);
  }

  place(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  mapTime(x) {
    const { full, left, width } = this.axis;
    return full.start + ((x - left) / width) * (full.end - full.start);
  }

  mapX(t) {
    const { full, left, width } = this.axis;
    return left + ((t - full.start) / (full.end - full.start)) * width;
  }

  // ---- painting ------------------------------------------------------------------------------------------------------

  repaint() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.queued = false;
    if (!this.height) return;
    paintLanes(this);
    this.store.flush();
    this.stage.setAttribute("aria-busy", String(this.store.busy));
    if (!this.store.busyWith("wave", "mel", "linear")) this.stage.dataset.drawn = "true";
    this.paintOver();
  }

  // ---- the layer above: crosshair, cursor, selection --------------------------------------------------------------------

  repaintOver() {
    if (this.overQueued) return;
    this.overQueued = true;
    requestAnimationFrame(() => this.paintOver());
  }

  paintOver() {
    this.overQueued = false;
    if (!this.over) return;
    const ctx = this.over.getContext("2d");
    ctx.setTransform(this.over.ratio, 0, 0, this.over.ratio, 0, 0);
    ctx.clearRect(0, 0, this.over.width, this.over.height);
    if (this.range) paintRange(this, ctx);
    paintCursor(this, ctx);
    if (this.hover) paintHair(this, ctx);
    const t = this.hover ? this.axis.t(this.hover.x) : this.cursor;
    showReading(this, readings(this, t, this.hover));
    this.table.refresh();
  }

  // ---- what people and programs do ----------------------------------------------------------------------------------------

  on(listener) {
    this.listeners.push(listener);
  }

  tell(change) {
    this.listeners.forEach((listener) => listener(change));
  }

  windowMoved() {
    this.repaint();
    this.tell({ window: [this.axis.start, this.axis.end] });
  }

  showWindow(start, end) {
    this.axis.show(start, end);
    this.windowMoved();
  }

  showAll() {
    this.showWindow(this.axis.full.start, this.axis.full.end);
  }

  zoomBy(factor, at = this.inView(this.cursor) ? this.cursor : (this.axis.start + this.axis.end) / 2) {
    this.axis.zoom(factor, at);
    this.windowMoved();
  }

  panBy(share) {
    this.axis.pan(share * this.axis.span);
    this.windowMoved();
  }

  panTo(start) {
    this.showWindow(start, start + this.axis.span);
  }

  inView(t) {
    return t >= this.axis.start && t <= this.axis.end;
  }

  click(point) {
    const glitch = this.glitchAt(point);
    if (glitch) this.choose(glitch.id);
    this.setCursor(glitch ? glitch.start_s : this.axis.t(point.x));
  }

  glitchAt(point) {
    const lane = this.lanes.find((l) => point.y >= l.top && point.y < l.top + l.room + l.shown);
    return lane?.hit(point.x, point.y) ?? null;
  }

  choose(id, { zoom = false, quiet = false } = {}) {
    const glitch = this.header.glitches.find((g) => g.id === id);
    this.chosen = glitch?.id ?? null;
    showGlitchCount(this);
    if (glitch && (zoom || !this.inView(glitch.start_s) || !this.inView(glitch.end_s))) this.showGlitch(glitch);
    this.repaint();
    if (!quiet) this.tell({ glitch: this.chosen });
  }

  // The glitch as heard and as captured, with some of the call around it.
  showGlitch(glitch) {
    const [from, to] = glitch.captured_s ?? [glitch.start_s, glitch.end_s];
    const margin = Math.max(GLITCH_MARGIN_S, 0.8 * (glitch.end_s - glitch.start_s));
    this.showWindow(Math.min(glitch.start_s, from) - margin, Math.max(glitch.end_s, to) + margin);
    this.setCursor(glitch.start_s);
  }

  stepGlitch(by) {
    const { glitches } = this.header;
    if (!glitches.length) return;
    const at = glitches.findIndex((g) => g.id === this.chosen);
    const next = at < 0 ? (by > 0 ? 0 : glitches.length - 1) : (at + by + glitches.length) % glitches.length;
    this.choose(glitches[next].id, { zoom: true });
  }

  setHover(point) {
    if (!point && !this.hover) return;
    this.hover = point;
    const pointing = point && point.y > this.lanesTop && this.glitchAt(point);
    this.stage.classList.toggle("tl-pointing", Boolean(pointing));
    this.repaintOver();
  }

  setCursor(t) {
    this.cursor = Math.min(Math.max(t, this.axis.full.start), this.axis.full.end);
    this.repaintOver();
    this.tell({ cursor_s: this.cursor });
    this.listening.followCursor();
  }

  moveCursor(pixels) {
    this.setCursor(this.cursor + pixels * this.axis.pixel);
    if (this.measuring !== undefined && this.measuring !== null) {
      this.setRange([this.measuring, this.cursor].sort((a, b) => a - b));
    }
    if (!this.inView(this.cursor)) this.panTo(this.cursor - this.axis.span / 2);
  }

  toggleMeasure() {
    this.measuring = this.measuring == null ? this.cursor : null;
  }

  setRange(range) {
    this.range = range;
    this.repaintOver();
    this.tell({ range });
  }

  clear() {
    this.measuring = null;
    this.setRange(null);
    this.choose(null);
  }

  // Show what replays predict, in a lane of its own below the packets that they replay.
  setPredicted(rows) {
    this.predicted = rows;
    if (rows.length && !this.lanes.some((lane) => lane instanceof PredictionLane)) {
      const spec = { id: "predicted", kind: "predicted", label: "Replayed", unit: "holes", folded: false, height_px: 52 };
      const lane = new PredictionLane(spec, this);
      lane.head = buildHead(this, lane);
      this.stage.append(lane.head);
      this.lanes.splice(this.lanes.findIndex((each) => each.spec.kind === "packets") + 1, 0, lane);
    }
    this.layout();
  }

  setScale(scale) {
    this.scale = scale;
    this.repaint();
  }

  foldLane(lane) {
    lane.folded = !lane.folded;
    lane.foldButton.setAttribute("aria-expanded", String(!lane.folded));
    this.layout();
  }

  // Bring a lane to where the pointer is.
  moveLaneTo(lane, y) {
    const from = this.lanes.indexOf(lane);
    const at = this.lanes.findIndex((each) => y < each.top + each.room + each.shown);
    const to = at < 0 ? this.lanes.length - 1 : at;
    const other = this.lanes[to];
    const beyond = to > from ? y > other.top + other.shown - lane.shown : y < other.top + lane.shown;
    if (to !== from && beyond) this.moveLane(lane, to - from);
  }

  moveLane(lane, by) {
    const from = this.lanes.indexOf(lane);
    const to = Math.min(Math.max(from + by, 0), this.lanes.length - 1);
    this.lanes.splice(to, 0, ...this.lanes.splice(from, 1));
    this.lanes.forEach((each) => this.stage.append(each.head));
    this.layout();
  }

  played(t) {
    this.cursor = Math.min(t, this.axis.full.end);
    if (!this.inView(this.cursor)) this.panTo(this.cursor - 0.05 * this.axis.span);
    this.repaintOver();
  }

  picture() {
    return pictureOf(this);
  }

  // For those who do not see the canvas: where a key has led.
  announce() {
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => {
      const view = `${formatTime(this.axis.start, 0.01)} to ${formatTime(this.axis.end, 0.01)} in view. `;
      this.live.textContent = view + readings(this, this.cursor, null).map((pair) => pair.join(" ")).join(", ");
    }, 400);
  }
}

export async function mount(root, client, options = {}) {
  if (!client.arrays) await client.open();
  return new Timeline(root, client, options);
}
