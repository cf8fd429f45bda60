// The lane of verdicts: each bar known by its pattern and glyph as well as by its colour.

import { formatSpan } from "./axis.js";
import { Lane, roundedBar } from "./lane.js";
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
