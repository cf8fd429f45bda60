// The lane of turns: who spoke when, how long the answer took, and what of the user's words was damaged on the way.

import { formatSpan } from "./axis.js";
import { Lane, fittingText, roundedBar, scaleMark } from "./lane.js";

export class TurnLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.turns = view.client.header.turns;
    this.prompts = view.client.header.prompts;
  }

  paint(pen) {
    const half = pen.box.h / 2;
    for (const [row, speaker] of ["agent", "user"].entries()) {
      const y = pen.box.y + row * half + 4;
      scaleMark(pen, y + half / 2 - 4, speaker);
      this.turns.filter((t) => t.speaker === speaker).forEach((turn) => this.paintTurn(pen, turn, y, half - 8));
      if (speaker === "user") this.prompts.forEach((damage) => this.paintDamage(pen, damage, y, half - 8));
    }
  }

  // What of the user's words did not reach the model whole: crossed where it was lost, barred where it came late.
  paintDamage({ ctx, axis, theme }, { start_s, end_s, what }, y, height) {
    if (end_s < axis.start || start_s > axis.end) return;
    const x = axis.x(start_s);
    const width = Math.max(axis.x(end_s) - x, 5);
    ctx.strokeStyle = what === "lost" ? theme.lost : theme.odd;
    ctx.lineWidth = 1.6;
    ctx.strokeRect(x, y, width, height);
    ctx.beginPath();
    for (let at = x; at < x + width; at += 6) {
      ctx.moveTo(at, y + height);
      ctx.lineTo(Math.min(at + 6, x + width), y);
      if (what !== "lost") continue;
      ctx.moveTo(at, y);
      ctx.lineTo(Math.min(at + 6, x + width), y + height);
    }
    ctx.stroke();
  }

  paintTurn(pen, turn, y, height) {
    const { ctx, axis, box, theme } = pen;
    if (turn.end_s < axis.start || turn.start_s - (turn.latency_s ?? 0) > axis.end) return;
    const x = axis.x(turn.start_s);
    const width = Math.max(axis.x(turn.end_s) - x, 2);
    roundedBar(ctx, x, y, width, height, 4);
    ctx.fillStyle = theme[turn.speaker] ?? theme.agent;
    ctx.globalAlpha = 0.32;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.strokeStyle = theme[turn.speaker] ?? theme.agent;
    ctx.lineWidth = 1;
    ctx.stroke();
    const told = turn.latency_s !== null && this.paintLatency(pen, turn, x, y + height / 2);
    const said = told || turn.latency_s === null ? "" : ` after ${formatSpan(turn.latency_s)}`;
    this.paintLength(pen, turn, said, Math.max(x, box.x), Math.min(x + width, box.x + box.w), y + height / 2);
  }

  paintLength({ ctx, theme }, turn, said, left, right, y) {
    ctx.fillStyle = theme.ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.font = `10.5px ${theme.font}`;
    const room = right - left - 12;
    const length = formatSpan(turn.end_s - turn.start_s);
    const texts = [`${turn.speaker}${said}, ${length}`, `${turn.speaker}${said}`, said.trim()];
    texts.some((text) => fittingText(ctx, text, left + 6, y, room));
  }

  // A dashed arrow from the end of the user's speech to the first sample of the answer; tells whether its length fitted.
  paintLatency({ ctx, axis, theme }, turn, x, y) {
    const from = axis.x(turn.start_s - turn.latency_s);
    ctx.strokeStyle = ctx.fillStyle = theme.ink;
    ctx.lineWidth = 1.2;
    ctx.setLineDash([3, 2]);
    ctx.beginPath();
    ctx.moveTo(from, y);
    ctx.lineTo(x - 4, y);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x - 5, y - 3.5);
    ctx.lineTo(x - 5, y + 3.5);
    ctx.fill();
    return this.paintLatencyText(ctx, theme, formatSpan(turn.latency_s), from, x, y);
  }

  // On the arrow, where it is long enough.
  paintLatencyText(ctx, theme, text, from, to, y) {
    ctx.font = `600 10.5px ${theme.font}`;
    const width = ctx.measureText(text).width + 8;
    if (width > to - from - 14) return false;
    const left = (from + to - width) / 2 - 3;
    ctx.fillStyle = theme.lane;
    ctx.fillRect(left, y - 7, width, 14);
    ctx.fillStyle = theme.ink;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(text, left + width / 2, y + 0.5);
    return true;
  }

  read(t) {
    const turn = this.turns.find((s) => s.start_s <= t && t <= s.end_s);
    if (!turn) return [];
    const parts = Object.entries(turn.parts).map(([name, s]) => `${name.replace(/_s$/, "")} ${formatSpan(s)}`);
    const latency = turn.latency_s === null ? "" : ` after ${formatSpan(turn.latency_s)}`;
    const damage = this.prompts.find((p) => p.start_s <= t && t <= p.end_s);
    const out = [["turn", turn.speaker + latency + (parts.length ? ` (${parts.join(", ")})` : "")]];
    return damage ? [...out, ["prompt", `${damage.what} on the way to the model`]] : out;
  }

  describe(axis) {
    const within = this.turns.filter((t) => t.end_s >= axis.start && t.start_s <= axis.end);
    return within.map((t) => (t.latency_s === null ? t.speaker : `${t.speaker} after ${formatSpan(t.latency_s)}`)).join(", ");
  }
}
