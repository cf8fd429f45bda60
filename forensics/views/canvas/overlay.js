// The layer above the lanes, redrawn at every move: crosshair, cursor, selection.

import { formatSpan, formatTime } from "./axis.js";

export function paintCursor(timeline, ctx) {
  const x = timeline.axis.x(timeline.cursor);
  if (x < timeline.axis.left - 1 || x > timeline.axis.left + timeline.axis.width) return;
  ctx.fillStyle = timeline.theme.cursor;
  ctx.fillRect(x - 0.75, timeline.lanesTop - 4, 1.5, timeline.height - timeline.lanesTop + 4);
  ctx.beginPath();
  ctx.moveTo(x - 5, timeline.lanesTop - 10);
  ctx.lineTo(x + 5, timeline.lanesTop - 10);
  ctx.lineTo(x, timeline.lanesTop - 2);
  ctx.fill();
}

export function paintHair(timeline, ctx) {
  const { theme, axis } = timeline;
  const x = Math.round(timeline.hover.x);
  ctx.strokeStyle = theme.ink;
  ctx.globalAlpha = 0.6;
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(x + 0.5, timeline.lanesTop);
  ctx.lineTo(x + 0.5, timeline.height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  tag(timeline, ctx, formatTime(axis.t(x), 0.001), x, timeline.rulerTop + 1);
}

export function paintRange(timeline, ctx) {
  const { axis, theme } = timeline;
  const from = Math.max(axis.x(timeline.range[0]), axis.left);
  const to = Math.min(axis.x(timeline.range[1]), axis.left + axis.width);
  if (to <= from) return;
  ctx.fillStyle = theme.accent;
  ctx.globalAlpha = 0.16;
  ctx.fillRect(from, timeline.lanesTop, to - from, timeline.height);
  ctx.globalAlpha = 1;
  ctx.fillRect(from, timeline.lanesTop, 1, timeline.height);
  ctx.fillRect(to - 1, timeline.lanesTop, 1, timeline.height);
  tag(timeline, ctx, formatSpan(timeline.range[1] - timeline.range[0]), (from + to) / 2, timeline.height - 24);
}

function tag(timeline, ctx, text, x, y) {
  const { theme, axis } = timeline;
  ctx.font = `600 11px ${theme.font}`;
  const width = ctx.measureText(text).width + 12;
  const left = Math.min(Math.max(x - width / 2, axis.left), axis.left + axis.width - width);
  ctx.fillStyle = theme.ink;
  ctx.beginPath();
  ctx.roundRect(left, y, width, 18, 4);
  ctx.fill();
  ctx.fillStyle = theme.bg;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, left + width / 2, y + 9.5);
}
