// Lanes of what was concluded: verdicts, turns, model events; each bar known by pattern or place as well as by colour.

import { formatSpan } from "./axis.js";
import { Lane, fittingText, roundedBar, scaleMark } from "./lane.js";
import { causeColour, causePattern, drawGlyph } from "./theme.js";

const BADGE_PX = 20;

// Stretches of a line that are taken by text.
class Row {
  constructor() {
    this.taken = [];
  }

  free(left, right, self = null) {
    return !this.taken.some((other) => other !== self && left < other.right && right > other.left);
  }

  take(stretch) {
    if (!this.free(stretch.left, stretch.right)) return null;
    this.taken.push(stretch);
    return stretch;
  }

  widen(stretch, right) {
    if (!this.free(stretch.left, right, stretch)) return false;
    stretch.right = right;
    return true;
  }
}

export class VerdictLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.glitches = view.client.header.glitches;
    this.causes = view.client.header.causes;
    this.boxes = [];
  }

  paint(pen) {
    this.boxes = [];
    const visible = this.glitches.filter((g) => g.end_s >= pen.axis.start && g.start_s <= pen.axis.end);
    if (!this.glitches.length) this.paintNone(pen);
    for (const glitch of visible) {
      const x = pen.axis.x(glitch.start_s);
      const width = Math.max(pen.axis.x(glitch.end_s) - x, 4);
      this.paintBar(pen, glitch, x, width);
      this.boxes.push({ glitch, left: x - 3, right: x + width + 3 });
    }
    this.boxes.push(...this.badges(pen, visible));
    this.boxes.filter((badge) => badge.text !== undefined).forEach((badge) => this.paintBadge(pen, badge));
  }

  paintNone({ ctx, box, theme }) {
    ctx.fillStyle = theme.muted;
    ctx.font = `12px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText("no glitch found", box.x + 8, box.y + box.h / 2);
  }

  // Glyph and id of each, those that were heard first, then names as far as there is room.
  badges({ ctx, axis, box, theme }, visible) {
    ctx.font = `600 11px ${theme.font}`;
    const row = new Row();
    const end = (left, text) => left + (text ? BADGE_PX + ctx.measureText(text).width + 8 : 15);
    const badge = (glitch, text) => {
      const left = Math.max(axis.x(glitch.start_s), box.x + 2);
      const right = end(left, text);
      return right > box.x + box.w ? null : row.take({ glitch, text, left, right });
    };
    const placed = visible.toSorted((a, b) => b.audible - a.audible).map((glitch) => badge(glitch, glitch.id) ?? badge(glitch, ""));
    for (const mark of placed) {
      if (!mark?.text) continue;
      const name = `${mark.text} ${this.causes[mark.glitch.cause].label}${mark.glitch.audible ? "" : " (masked)"}`;
      const right = end(mark.left, name);
      if (right <= box.x + box.w && row.widen(mark, right)) mark.text = name;
    }
    return placed.filter(Boolean);
  }

  paintBar({ ctx, box, theme }, glitch, x, width) {
    const look = this.causes[glitch.cause];
    const height = glitch.audible ? 14 : 6;
    const y = box.y + box.h - height - 5;
    roundedBar(ctx, x, y, width, height, 3);
    ctx.fillStyle = causePattern(ctx, theme, look);
    ctx.fill();
    if (glitch.id !== this.view.chosen) return;
    ctx.strokeStyle = theme.ink;
    ctx.lineWidth = 2;
    roundedBar(ctx, x - 1.5, y - 1.5, width + 3, height + 3, 4);
    ctx.stroke();
  }

  paintBadge({ ctx, box, theme }, { glitch, left, text }) {
    const look = this.causes[glitch.cause];
    const y = box.y + 13;
    drawGlyph(ctx, look, left + 7, y, causeColour(theme, look));
    ctx.fillStyle = theme.ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.font = `600 11px ${theme.font}`;
    ctx.fillText(text, left + BADGE_PX - 3, y);
  }

  hit(x) {
    return this.boxes.find((b) => x >= b.left && x <= b.right)?.glitch ?? null;
  }

  read(t) {
    const glitch = this.glitches.find((g) => g.start_s <= t && t <= g.end_s);
    if (!glitch) return [];
    return [["glitch", `${glitch.id} ${this.causes[glitch.cause].label}, ${formatSpan(glitch.end_s - glitch.start_s)}`]];
  }

  describe(axis) {
    const within = this.glitches.filter((g) => g.end_s >= axis.start && g.start_s <= axis.end);
    return within.length ? within.map((g) => `${g.id} ${this.causes[g.cause].label}`).join(", ") : "none in view";
  }
}

export class TurnLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.turns = view.client.header.turns;
  }

  paint(pen) {
    const half = pen.box.h / 2;
    for (const [row, speaker] of ["agent", "user"].entries()) {
      const y = pen.box.y + row * half + 4;
      scaleMark(pen, y + half / 2 - 4, speaker);
      this.turns.filter((t) => t.speaker === speaker).forEach((turn) => this.paintTurn(pen, turn, y, half - 8));
    }
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
    if (turn.latency_s !== null) this.paintLatency(pen, turn, x, y + height / 2);
    this.paintLength(pen, turn, Math.max(x, box.x), Math.min(x + width, box.x + box.w), y + height / 2);
  }

  paintLength({ ctx, theme }, turn, left, right, y) {
    ctx.fillStyle = theme.ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.font = `10.5px ${theme.font}`;
    fittingText(ctx, `${turn.speaker}, ${formatSpan(turn.end_s - turn.start_s)}`, left + 6, y, right - left - 12);
  }

  // A dashed arrow from the end of the user's speech to the first sample of the answer.
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
    this.paintLatencyText(ctx, theme, formatSpan(turn.latency_s), from, x, y);
  }

  // On the arrow, where it is long enough.
  paintLatencyText(ctx, theme, text, from, to, y) {
    ctx.font = `600 10.5px ${theme.font}`;
    const width = ctx.measureText(text).width + 8;
    if (width > to - from - 14) return;
    const left = (from + to - width) / 2 - 3;
    ctx.fillStyle = theme.lane;
    ctx.fillRect(left, y - 7, width, 14);
    ctx.fillStyle = theme.ink;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(text, left + width / 2, y + 0.5);
  }

  read(t) {
    const turn = this.turns.find((s) => s.start_s <= t && t <= s.end_s);
    return turn ? [["turn", turn.speaker]] : [];
  }

  describe(axis) {
    const within = this.turns.filter((t) => t.end_s >= axis.start && t.start_s <= axis.end);
    return within.map((t) => (t.latency_s === null ? t.speaker : `${t.speaker} after ${formatSpan(t.latency_s)}`)).join(", ");
  }
}

export class EventLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.events = view.client.header.events;
  }

  paint(pen) {
    const { ctx, axis, box, theme } = pen;
    ctx.font = `10.5px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    let taken = -Infinity;
    for (const event of this.events) {
      const x = axis.x(event.at_s);
      if (x < box.x - 1 || x > box.x + box.w) continue;
      ctx.fillStyle = theme.accent;
      ctx.fillRect(x - 0.75, box.y + 4, 1.5, box.h - 8);
      if (x < taken) continue;
      ctx.fillStyle = theme.ink;
      fittingText(ctx, event.name, x + 4, box.y + box.h / 2, box.x + box.w - x - 8);
      taken = x + 12 + ctx.measureText(event.name).width;
    }
  }

  read(t) {
    const close = this.events.filter((e) => Math.abs(e.at_s - t) < 5 * this.view.axis.pixel);
    return close.slice(0, 2).map((e) => ["event", e.name]);
  }

  describe(axis) {
    return `${this.events.filter((e) => e.at_s >= axis.start && e.at_s <= axis.end).length} events`;
  }
}

// Holes that replays of the jitter buffer predict, one row each: the call as it was, and the same under other conditions.
export class PredictionLane extends Lane {
  get rows() {
    return this.view.predicted;
  }

  paint(pen) {
    const { ctx, axis, box, theme } = pen;
    const height = box.h / this.rows.length;
    this.rows.forEach((row, i) => {
      const y = box.y + i * height;
      scaleMark(pen, y + height / 2, row.name);
      ctx.fillStyle = i ? theme.accent : theme.muted;
      for (const [start, end] of row.holes) {
        if (end < axis.start || start > axis.end) continue;
        roundedBar(ctx, axis.x(start), y + 4, Math.max(axis.x(end) - axis.x(start), 3), height - 8, 3);
        ctx.fill();
      }
    });
  }

  read(t) {
    return this.rows.flatMap(({ name, holes }) => {
      const hole = holes.find(([start, end]) => start <= t && t <= end);
      return hole ? [[`replayed, ${name}`, `hole of ${formatSpan(hole[1] - hole[0])}`]] : [];
    });
  }

  describe(axis) {
    const within = ({ holes }) => holes.filter(([start, end]) => end >= axis.start && start <= axis.end).length;
    return this.rows.map((row) => `${row.name}: ${within(row)} holes`).join(", ");
  }
}
