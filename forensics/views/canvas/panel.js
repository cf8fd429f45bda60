// What stands around the canvas: the buttons, the reading under the crosshair, lane heads, the legend and the table.

import { clockReadings, formatSpan, formatTime } from "./axis.js";
import { button, choice, element, icon } from "./dom.js";
import { laneName } from "./heads.js";
import { PACKET_SHAPES } from "./packets.js";
import { QUIETEST, SILENCE_COLOUR, colourMap } from "./theme.js";

const ICONS = {
  play: "M5 3.5L12.5 8L5 12.5Z",
  stop: "M4.5 4.5H11.5V11.5H4.5Z",
  out: "M3.5 8H12.5",
  in: "M3.5 8H12.5M8 3.5V12.5",
  all: "M2.5 8H13.5M5 5L2 8L5 11M11 5L14 8L11 11",
  before: "M10 3.5L5.5 8L10 12.5",
  after: "M6 3.5L10.5 8L6 12.5",
  loop: "M4 6H11.5L9.5 4M12 10H4.5L6.5 12",
};

const KEYS = [
  ["← →", "pan"], ["+ −", "zoom"], ["Home End", "start, end"], ["0", "whole call"], ["n p", "next, previous glitch"],
  ["Space", "play, stop"], ["l", "loop the selection"], ["b", "as heard, as sent"], [", .", "move the cursor"], ["m", "measure from the cursor"], ["Esc", "clear"],
  ["Shift + drag", "measure, select"], ["double click", "zoom to the glitch"],
];

export function buildBar(timeline) {
  const { client, header } = timeline;
  const bar = element("div", { class: "tl-bar", role: "toolbar", "aria-label": "Timeline" });
  if (client.playable.length) bar.append(playGroup(timeline));
  const group = element("span", { class: "tl-group" });
  group.append(
    button("Zoom out (−)", ICONS.out, () => timeline.zoomBy(2)),
    button("Zoom in (+)", ICONS.in, () => timeline.zoomBy(0.5)),
    button("Whole call (0)", ICONS.all, () => timeline.showAll()),
  );
  bar.append(group);
  if (header.glitches.length) bar.append(glitchGroup(timeline));
  if (client.scales.length > 1 && timeline.lanes.some((l) => l.spec.kind === "spectrogram")) {
    const scales = [["mel", "mel scale"], ["linear", "linear scale"]];
    bar.append(choice("Frequency scale", scales, timeline.scale, (scale) => timeline.setScale(scale)));
  }
  return bar;
}

function playGroup(timeline) {
  const { client, header } = timeline;
  const group = element("span", { class: "tl-group" });
  timeline.playButton = button("Play (space)", ICONS.play, () => timeline.listening.toggle());
  group.append(timeline.playButton);
  const sounds = client.playable.map((name) => [name, header.sounds[name].label.toLowerCase()]);
  timeline.soundChoice = choice("Which sound (b: as heard, as sent)", sounds, timeline.listening.sound, (name) => timeline.listening.choose(name));
  if (sounds.length > 1) group.append(timeline.soundChoice);
  const speeds = [["1", "1×"], ["0.5", "½×"], ["0.25", "¼×"]];
  group.append(choice("Speed; slower is lower in pitch", speeds, "1", (speed) => timeline.listening.setSpeed(Number(speed))));
  timeline.loopButton = button("Loop the selection (l)", ICONS.loop, () => timeline.listening.toggleLoop(), { "aria-pressed": "false" });
  group.append(timeline.loopButton);
  return group;
}

function glitchGroup(timeline) {
  const group = element("span", { class: "tl-group" });
  timeline.glitchName = element("span", { class: "tl-count" });
  group.append(
    button("Previous glitch (p)", ICONS.before, () => timeline.stepGlitch(-1)),
    timeline.glitchName,
    button("Next glitch (n)", ICONS.after, () => timeline.stepGlitch(1)),
  );
  return group;
}

export function showPlaying(timeline) {
  if (!timeline.playButton) return;
  const name = timeline.listening.playing ? "stop" : "play";
  timeline.playButton.replaceChildren(icon(ICONS[name]));
  timeline.playButton.setAttribute("aria-label", name === "stop" ? "Stop (space)" : "Play (space)");
  timeline.playButton.title = timeline.playButton.getAttribute("aria-label");
}

export function showSound(timeline) {
  if (timeline.soundChoice) timeline.soundChoice.value = timeline.listening.sound;
}

export function showGlitchCount(timeline) {
  if (!timeline.glitchName) return;
  const { glitches } = timeline.header;
  const at = glitches.findIndex((g) => g.id === timeline.chosen);
  timeline.glitchName.textContent = at < 0 ? `${glitches.length} ${glitches.length === 1 ? "glitch" : "glitches"}` : `${at + 1} of ${glitches.length}`;
}

// The reading: every clock first, then what each open lane says about this instant.
export function readings(timeline, t, point) {
  const out = clockReadings(timeline.axisFacts, t);
  for (const lane of timeline.lanes) {
    if (lane.folded) continue;
    out.push(...lane.read(t));
    if (point && lane.readAt && point.y >= lane.top + lane.room && point.y < lane.top + lane.room + lane.shown) {
      out.push(...lane.readAt(t, point.y, { y: lane.top + lane.room, h: lane.shown }));
    }
  }
  if (timeline.range) out.push(["selection", formatSpan(timeline.range[1] - timeline.range[0])]);
  return out;
}

// The room for the reading grows and never shrinks, so that the lanes keep their place under the pointer.
export function showReading(timeline, pairs) {
  timeline.readout.replaceChildren(
    ...pairs.map(([name, text]) => element("span", { class: "tl-pair" }, element("span", { class: "tl-name" }, name), element("b", {}, text))),
  );
  keepHeight(timeline.readout);
}

function keepHeight(node) {
  if (node.keptWidth !== node.clientWidth) node.style.minHeight = "";
  node.keptWidth = node.clientWidth;
  node.style.minHeight = `${node.offsetHeight}px`;
}

export function buildLegend(timeline) {
  const legend = element("div", { class: "tl-legend", role: "note", "aria-label": "Legend" });
  const causes = new Set(timeline.header.glitches.map((g) => g.cause));
  const looks = Object.entries(timeline.header.causes).filter(([cause]) => causes.has(cause));
  if (looks.length) legend.append(legendGroup("Causes", looks.map(([cause, look]) => causeItem(cause, look))));
  const kinds = timeline.lanes.filter((l) => l.kinds).flatMap((l) => l.kinds());
  const shapes = Object.keys(PACKET_SHAPES).filter((kind) => kinds.includes(kind));
  if (shapes.length) legend.append(legendGroup("Packets", shapes.map(packetItem)));
  if (timeline.lanes.some((l) => l.buffer?.at_s)) legend.append(legendGroup("Buffer, replayed", bufferItems()));
  if (timeline.lanes.some((l) => l.spec.id === "statistics")) legend.append(legendGroup("Buffer, browser's statistics", statisticsItems()));
  if (timeline.lanes.some((l) => l.spec.kind === "spectrogram")) legend.append(colourBar(timeline.header.tiles.spectrogram.floor_db));
  return legend;
}

function legendGroup(title, items) {
  return element("span", { class: "tl-legend-group" }, element("span", { class: "tl-name" }, title), ...items);
}

function causeItem(cause, look) {
  const mark = icon(look.glyph, { size: 13, className: "tl-icon tl-cause" });
  mark.dataset.cause = cause;
  return element("span", { class: "tl-item" }, mark, look.label);
}

function packetItem(kind) {
  const { path, fill, colour } = PACKET_SHAPES[kind];
  const mark = icon(path, { size: 13, box: kind === "marker" ? "-6 -13 12 12" : "-6 -6 12 12", fill, className: `tl-icon tl-${colour}` });
  return element("span", { class: "tl-item" }, mark, kind);
}

function lineItem(text, dash = "", colour = "target") {
  const mark = icon("M0 8H16", { size: 14, className: `tl-icon tl-${colour}` });
  if (dash) mark.firstChild.setAttribute("stroke-dasharray", dash);
  return element("span", { class: "tl-item" }, mark, text);
}

function bufferItems() {
  return [lineItem("target", "4 2"), lineItem("level")];
}

function statisticsItems() {
  return [lineItem("delay"), lineItem("target", "4 2"), lineItem("concealed", "1.5 2.5", "odd")];
}

function colourBar(floor_db) {
  const map = colourMap();
  const stops = Array.from({ length: 17 }, (_, i) => {
    const at = QUIETEST + Math.round((i / 16) * (255 - QUIETEST));
    return `rgb(${map[at * 4]},${map[at * 4 + 1]},${map[at * 4 + 2]})`;
  });
  const bar = element("span", { class: "tl-colours" });
  bar.style.background = `linear-gradient(to right, ${stops.join(",")})`;
  const silence = element("span", { class: "tl-swatch" });
  silence.style.background = `rgb(${SILENCE_COLOUR.join(",")})`;
  return legendGroup("Level", [
    element("span", { class: "tl-item" }, `−${-floor_db} dB`, bar, "0 dB"),
    element("span", { class: "tl-item" }, silence, "digital silence"),
    element("span", { class: "tl-item" }, element("span", { class: "tl-swatch tl-swatch-unknown" }), "nothing recorded or sent"),
  ]);
}

export function buildKeys() {
  const list = element("dl", { class: "tl-keys" });
  for (const [keys, meaning] of KEYS) list.append(element("div", {}, element("dt", {}, keys), element("dd", {}, meaning)));
  return element("details", { class: "tl-details" }, element("summary", {}, "Keys and gestures"), list);
}

// What the canvas shows, as text: refreshed while it is open.
export function buildTable(timeline) {
  const body = element("tbody");
  const table = element("table", {}, element("caption", {}, ""), body);
  const details = element("details", { class: "tl-details" }, element("summary", {}, "What is in view, as a table"), table);
  details.refresh = () => {
    if (!details.open) return;
    const { axis } = timeline;
    table.caption.textContent = `${formatTime(axis.start)} to ${formatTime(axis.end)}, ${axis.name} time`;
    const rows = timeline.lanes.map((lane) => [laneName(lane), lane.describe(axis)]);
    body.replaceChildren(...rows.map(([name, text]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, text))));
  };
  details.addEventListener("toggle", details.refresh);
  return details;
}
