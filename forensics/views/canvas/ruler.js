// The ruler between the whole call and the lanes: times of the axis, labelled where there is room.

import { formatTime, timeTicks } from "./axis.js";

export const RULER_PX = 24;

export function paintRuler(timeline, ctx) {
  const { axis, theme, rulerTop: y } = timeline;
  const { step, ticks } = timeTicks(axis, axis.width < 500 ? 58 : 84);
  ctx.fillStyle = theme.muted;
  ctx.font = `11px ${theme.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillText(timeline.narrow ? "min:s" : `${axis.name} time, min:s`, axis.left - 7, y + RULER_PX / 2);
  ctx.fillStyle = theme.line;
  ctx.fillRect(axis.left, y + RULER_PX - 1, axis.width, 1);
  for (const t of ticks) paintTick(timeline, ctx, axis.x(t), formatTime(t, step), y);
  ctx.fillStyle = theme.line;
  for (let t = Math.ceil(axis.start / (step / 5)) * (step / 5); t < axis.end; t += step / 5) ctx.fillRect(Math.round(axis.x(t)), y + RULER_PX - 4, 1, 3);
}

function paintTick(timeline, ctx, x, text, y) {
  const { axis, theme } = timeline;
  ctx.fillStyle = theme.muted;
  ctx.fillRect(Math.round(x), y + RULER_PX - 7, 1, 6);
  const half = ctx.measureText(text).width / 2;
  if (x - half < axis.left - 2 || x + half > axis.left + axis.width) return;
  ctx.textAlign = "center";
  ctx.fillText(text, x, y + RULER_PX / 2 - 3);
}
