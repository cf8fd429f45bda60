// Lanes of curves over time: the model's slack, the browser's statistics. Lines differ by dash and mark as well as colour.

import { formatNumber, lowerBound, ticksBetween } from "./axis.js";
import { Lane, gridLine, scaleMark } from "./lane.js";

const LOOKS = {
  level: { colour: "target", dash: [], width: 1.3 },
  target: { colour: "target", dash: [5, 2], width: 1.6 },
  odd: { colour: "odd", dash: [1.5, 2.5], width: 1.8 },
  signed: { colour: "accent", dash: [], width: 1.4 },
};

export class LineLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    const { arrays } = view.client;
    this.lines = spec.lines.map((line) => ({ ...line, at: arrays[line.at], values: arrays[line.values] }));
    this.signed = spec.lines.some((line) => line.look === "signed");
  }

  *inView(axis, { at, values }) {
    const from = Math.max(lowerBound(at, axis.start) - 1, 0);
    const to = Math.min(lowerBound(at, axis.end) + 1, at.length);
    const stride = Math.max(1, Math.floor((to - from) / (4 * axis.width)));
    for (let i = from; i < to; i += stride) yield [at[i], values[i]];
  }

  // Least and most of what is in view, with zero.
  range(axis) {
    let low = 0;
    let high = 20;
    for (const line of this.lines) {
      for (const [, value] of this.inView(axis, line)) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return [low, high];
  }

  paint(pen) {
    const { box } = pen;
    const [low, high] = this.range(pen.axis);
    const y = (value) => box.y + box.h - 7 - ((value - low) / (high - low)) * (box.h - 14);
    for (const tick of ticksBetween(low, high, box.h > 60 ? 4 : 2)) {
      gridLine(pen, y(tick));
      scaleMark(pen, y(tick), formatNumber(tick));
    }
    if (low < 0) this.paintBehind(pen, y);
    this.lines.forEach((line) => this.paintLine(pen, y, line));
  }

  paintLine({ ctx, axis, theme }, y, line) {
    const { colour, dash, width } = LOOKS[line.look];
    ctx.strokeStyle = theme[colour];
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.beginPath();
    let last = null;
    for (const [at, value] of this.inView(axis, line)) {
      if (!Number.isNaN(value)) {
        if (last === null) ctx.moveTo(axis.x(at), y(value));
        if (line.steps && last !== null) ctx.lineTo(axis.x(last), y(value));
        ctx.lineTo(axis.x(at), y(value));
      }
      last = Number.isNaN(value) ? null : at;
    }
    ctx.stroke();
    ctx.setLineDash([]);
  }

  // Below zero: a bar down to each value, and a heavy zero line.
  paintBehind(pen, y) {
    const { ctx, axis, box, theme } = pen;
    ctx.fillStyle = theme.lost;
    for (const line of this.lines) {
      for (const [at, value] of this.inView(axis, line)) if (value < 0) ctx.fillRect(axis.x(at) - 1.25, y(0), 2.5, y(value) - y(0));
    }
    ctx.fillStyle = theme.muted;
    ctx.fillRect(box.x, Math.round(y(0)), box.w, 1);
  }

  // The value that stood at t: that of the last sample before it, or of the interval that ends after it.
  read(t) {
    return this.lines.flatMap(({ name, at, values, steps }) => {
      const i = steps ? lowerBound(at, t) : lowerBound(at, t + 1e-9) - 1;
      const known = i >= (steps ? 1 : 0) && i < at.length && !Number.isNaN(values[i]);
      return known ? [[`${this.spec.label.toLowerCase()}${this.lines.length > 1 ? `, ${name}` : ""}`, `${formatNumber(values[i].toFixed(0))} ms`]] : [];
    });
  }

  describe(axis) {
    return this.lines.map((line) => `${line.name} ${this.span(axis, line)}`).join(", ");
  }

  span(axis, line) {
    const values = [...this.inView(axis, line)].map(([, value]) => value).filter((value) => !Number.isNaN(value));
    if (!values.length) return "none in view";
    const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    return `${formatNumber(low.toFixed(0))} to ${formatNumber(high.toFixed(0))} ms`;
  }
}
