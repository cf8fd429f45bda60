// The lanes on their canvas: ground, what each draws, the glitches across them, and all of it as a picture.

import { element } from "./dom.js";
import { laneName } from "./heads.js";
import { paintMarks } from "./lane.js";
import { paintMap } from "./minimap.js";
import { paintRuler } from "./ruler.js";
import { causeColour } from "./theme.js";

export const LANE_GAP_PX = 1;

const CROSSED_LANES = ["packets", "wave", "spectrogram"];

export function paintLanes(timeline) {
  const { base, theme } = timeline;
  const ctx = base.getContext("2d");
  ctx.setTransform(base.ratio, 0, 0, base.ratio, 0, 0);
  ctx.fillStyle = theme.bg;
  ctx.fillRect(0, 0, base.width, base.height);
  if (!timeline.compact) paintMap(timeline, ctx);
  paintRuler(timeline, ctx);
  for (const lane of timeline.lanes) paintLane(timeline, ctx, lane);
}

function paintLane(timeline, ctx, lane) {
  const { axis, theme } = timeline;
  const box = { x: axis.left, y: lane.top + lane.room, w: axis.width, h: lane.shown };
  ctx.fillStyle = theme.lane;
  ctx.fillRect(box.x, box.y, box.w, box.h);
  if (!lane.folded) {
    const pen = { ctx, axis, theme, box, marks: [] };
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.x, box.y, box.w, box.h);
    ctx.clip();
    lane.paint(pen);
    if (CROSSED_LANES.includes(lane.spec.kind)) paintGlitches(timeline, ctx, lane, box);
    ctx.restore();
    paintMarks(pen);
  }
  ctx.fillStyle = theme.line;
  ctx.fillRect(0, box.y + box.h, axis.left + box.w + 1, LANE_GAP_PX);
}

// Where each glitch is on this lane: as heard, or as captured on the RTP lanes.
function paintGlitches(timeline, ctx, lane, box) {
  const { axis, header, chosen } = timeline;
  for (const glitch of header.glitches) {
    if (!glitch.audible && glitch.id !== chosen) continue;
    const [start, end] = (lane.spec.kind === "packets" && glitch.captured_s) || [glitch.start_s, glitch.end_s];
    if (end < axis.start || start > axis.end) continue;
    paintGlitch(timeline, ctx, glitch, axis.x(start), axis.x(end), box, lane.spec.kind === "spectrogram");
  }
}

function paintGlitch(timeline, ctx, glitch, from, to, box, onPicture) {
  const look = timeline.header.causes[glitch.cause];
  const chosen = glitch.id === timeline.chosen;
  ctx.fillStyle = causeColour(timeline.theme, look);
  ctx.globalAlpha = onPicture ? 0 : chosen ? 0.2 : 0.1;
  ctx.fillRect(from, box.y, Math.max(to - from, 1), box.h);
  ctx.globalAlpha = chosen ? 1 : 0.55;
  ctx.fillStyle = onPicture ? look.dark : ctx.fillStyle;
  ctx.fillRect(Math.round(from), box.y, chosen ? 2 : 1, box.h);
  ctx.fillRect(Math.round(to), box.y, chosen ? 2 : 1, box.h);
  ctx.globalAlpha = 1;
}

// As many pixels as the screen has.
export function sharpen(canvas, width, height) {
  const ratio = Math.max(1, devicePixelRatio || 1);
  canvas.ratio = ratio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

// What is drawn now, as a data: URL, with the names of the lanes.
export function pictureOf({ base, theme, lanes }) {
  const canvas = element("canvas");
  canvas.width = base.width;
  canvas.height = base.height;
  const ctx = canvas.getContext("2d");
  ctx.drawImage(base, 0, 0);
  ctx.scale(base.ratio, base.ratio);
  ctx.fillStyle = theme.ink;
  ctx.font = `600 12px ${theme.font}`;
  for (const lane of lanes) ctx.fillText(lane.folded ? laneName(lane) : lane.spec.label, 8, lane.top + 15);
  return canvas.toDataURL("image/webp", 0.8);
}
