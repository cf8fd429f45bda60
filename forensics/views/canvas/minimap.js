// The whole call above the lanes: its outline, its glitches, and the window that is shown.

import { eachColumn } from "./sound.js";
import { causePattern } from "./theme.js";

export const MAP_PX = 36;

// The whole call, small: its outline, its glitches, and the window that is shown.
export function paintMap(timeline, ctx) {
  const { axis, theme } = timeline;
  const middle = MAP_PX / 2;
  ctx.fillStyle = theme.lane;
  ctx.fillRect(axis.left, 2, axis.width, MAP_PX - 4);
  const lane = timeline.lanes.find((l) => l.spec.kind === "wave");
  if (lane) paintOutline(timeline, ctx, lane, middle);
  for (const glitch of timeline.header.glitches) paintMapMark(timeline, ctx, glitch);
  if (axis.span < (axis.full.end - axis.full.start) * 0.999) paintWindow(timeline, ctx);
  ctx.fillStyle = theme.muted;
  ctx.font = `11px ${theme.font}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.fillText(timeline.narrow ? "all" : "whole call", axis.left - 7, middle);
}

// What was heard stands through the whole strip, what was masked only at its foot.
function paintMapMark(timeline, ctx, glitch) {
  const x = timeline.mapX(glitch.start_s);
  const height = glitch.audible ? MAP_PX - 4 : 6;
  ctx.fillStyle = causePattern(ctx, timeline.theme, timeline.header.causes[glitch.cause]);
  ctx.fillRect(x, MAP_PX - 2 - height, Math.max(timeline.mapX(glitch.end_s) - x, 3), height);
}

function paintOutline(timeline, ctx, lane, middle) {
  const tile = lane.overview();
  if (!tile) return;
  const reach = lane.reach() * 32767;
  const column = lane.column(lane.facts.wave_levels - 1);
  ctx.fillStyle = timeline.theme.grid;
  const width = Math.max(1, timeline.mapX(column) - timeline.mapX(0));
  const y = (value) => middle - (value / reach) * (middle - 4);
  eachColumn(tile.data, (low, high, i) => {
    ctx.fillRect(timeline.mapX(lane.facts.start_s + i * column), y(high), width, y(low) - y(high) + 0.5);
  });
}

function paintWindow(timeline, ctx) {
  const { axis, theme } = timeline;
  const from = timeline.mapX(axis.start);
  const to = Math.max(timeline.mapX(axis.end), from + 4);
  ctx.fillStyle = theme.bg;
  ctx.globalAlpha = 0.55;
  ctx.fillRect(axis.left, 2, from - axis.left, MAP_PX - 4);
  ctx.fillRect(to, 2, axis.left + axis.width - to, MAP_PX - 4);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.accent;
  ctx.lineWidth = 1.5;
  ctx.strokeRect(from + 0.5, 2, to - from - 1, MAP_PX - 4);
}
