// The RTP lane: each packet where it arrived, as high as it was late; what was lost, late, doubled or marked by its shape.

import { formatSpan, lowerBound, niceTicks } from "./axis.js";
import { Lane, gridLine, scaleMark } from "./lane.js";

const FATE = ["in order", "reordered", "duplicate", "late", "discarded"];
const MARKER = 8;
const DTX = 16;
const DELAY_STEPS_MS = [20, 30, 50, 100, 200, 300, 500, 800, 1000, 1500, 2000, 3000, 5000, 10000, 20000, 60000];
const BUFFER_LINES = ["level_ms", "target_ms"];
const SMOOTHED_TICKS = 4; // of 10 ms: two packets
const WIDE_TICK_PX = 12;
const FEW_PACKETS = 400;
const AWAY_S = 0.1; // a packet further from the crosshair than this says how far

// Shapes around (0, 0), about 8 px wide; `fill` or stroke.
export const PACKET_SHAPES = {
  "in order": { path: "M2.2 0A2.2 2.2 0 1 1 -2.2 0A2.2 2.2 0 1 1 2.2 0", fill: true, colour: "packet" },
  reordered: { path: "M0 -4.6L4.4 3.4H-4.4Z", fill: true, colour: "odd" },
  duplicate: { path: "M-3.4 -3.4H3.4V3.4H-3.4Z", fill: false, colour: "odd" },
  late: { path: "M0 -5L4.4 0L0 5L-4.4 0Z", fill: true, colour: "lost" },
  discarded: { path: "M0 -5L4.4 0L0 5L-4.4 0Z", fill: false, colour: "lost" },
  marker: { path: "M0 -4.5V-11M-3 -11H3", fill: false, colour: "ink" },
  "no speech (DTX)": { path: "M1.8 0A1.8 1.8 0 1 1 -1.8 0A1.8 1.8 0 1 1 1.8 0", fill: false, colour: "packet" },
  lost: { path: "M-4 -4L4 4M4 -4L-4 4", fill: false, colour: "lost" },
};

export class PacketLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    const pick = (table) =>
      Object.fromEntries(
        Object.entries(view.client.arrays)
          .filter(([name]) => name.startsWith(`${spec.stream}/${table}/`))
          .map(([name, values]) => [name.split("/")[2], values]),
      );
    this.packets = pick("packets");
    this.lost = pick("lost");
    this.buffer = pick("buffer");
    this.paths = Object.fromEntries(Object.entries(PACKET_SHAPES).map(([k, s]) => [k, new Path2D(s.path)]));
  }

  // The kinds that occur, for the legend.
  kinds() {
    const seen = new Set();
    for (const kind of this.packets.kind) {
      seen.add(FATE[kind & 7]);
      if (kind & MARKER) seen.add("marker");
      if (kind & DTX) seen.add("no speech (DTX)");
    }
    if (this.lost.at_s.length) seen.add("lost");
    return Object.keys(PACKET_SHAPES).filter((kind) => seen.has(kind));
  }

  range(axis) {
    return [lowerBound(this.packets.at_s, axis.start), lowerBound(this.packets.at_s, axis.end)];
  }

  // The top of the scale: a round value with air above all that is in view.
  top_ms(axis, from, to) {
    let most = 16;
    for (let i = from; i < to; i++) if (this.packets.delay_ms[i] > most) most = this.packets.delay_ms[i];
    for (const name of BUFFER_LINES) for (const [, ms] of this.bufferInView(axis, name)) most = Math.max(most, ms);
    return DELAY_STEPS_MS.find((step) => step >= most * 1.08) ?? most;
  }

  // The buffer's curve in view as [time, ms]: means over a few ticks, so that packets coming and going do not blur it;
  // every tick where one is wide enough to be seen.
  *bufferInView(axis, name) {
    const { at_s } = this.buffer;
    if (!at_s) return;
    const values = this.buffer[name];
    const from = Math.max(lowerBound(at_s, axis.start) - 1, 0);
    const to = Math.min(lowerBound(at_s, axis.end) + 1, at_s.length);
    const perPixel = (to - from) / axis.width;
    const group = Math.max(perPixel > 1 / WIDE_TICK_PX ? SMOOTHED_TICKS : 1, Math.floor(perPixel));
    for (let i = from; i < to; i += group) {
      let sum = 0;
      const end = Math.min(i + group, to);
      for (let j = i; j < end; j++) sum += values[j];
      yield [at_s[i], sum / (end - i)];
    }
  }

  paint(pen) {
    const [from, to] = this.range(pen.axis);
    const top = this.top_ms(pen.axis, from, to);
    const floor = pen.box.y + pen.box.h - 9;
    const y = (ms) => floor - (Math.min(ms, top) / top) * (pen.box.h - 24);
    for (const tick of niceTicks(top, pen.box.h > 90 ? 4 : 2)) {
      gridLine(pen, y(tick));
      scaleMark(pen, y(tick), String(tick));
    }
    this.paintBuffer(pen, y);
    if (to - from > 3 * pen.box.w) this.paintOutline(pen, y, from, to);
    else this.paintDots(pen, y, from, to);
    this.paintOdd(pen, y, from, to);
    this.paintLost(pen, y);
  }

  paintBuffer(pen, y) {
    if (this.buffer.at_s) for (const name of BUFFER_LINES) this.paintLine(pen, y, name);
  }

  paintLine({ ctx, axis, theme }, y, name) {
    ctx.strokeStyle = theme.target;
    ctx.lineWidth = name === "target_ms" ? 1.6 : 1;
    ctx.globalAlpha = name === "target_ms" ? 1 : 0.75;
    ctx.setLineDash(name === "target_ms" ? [5, 2] : []);
    ctx.beginPath();
    for (const [at, ms] of this.bufferInView(axis, name)) ctx.lineTo(axis.x(at), y(ms));
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  }

  // Far more packets than pixels: least to most delayed of each pixel column.
  paintOutline({ ctx, axis, box, theme }, y, from, to) {
    const columns = Math.ceil(box.w);
    const low = new Float32Array(columns).fill(Infinity);
    const high = new Float32Array(columns).fill(-1);
    for (let i = from; i < to; i++) {
      const column = Math.min(columns - 1, Math.max(0, (axis.x(this.packets.at_s[i]) - box.x) | 0));
      const ms = this.packets.delay_ms[i];
      if (ms < low[column]) low[column] = ms;
      if (ms > high[column]) high[column] = ms;
    }
    ctx.fillStyle = theme.packet;
    for (let c = 0; c < columns; c++) {
      if (high[c] >= 0) ctx.fillRect(box.x + c, y(high[c]) - 1, 1, y(low[c]) - y(high[c]) + 2);
    }
  }

  paintDots(pen, y, from, to) {
    const { ctx, axis, theme } = pen;
    const few = to - from < FEW_PACKETS;
    const size = few ? 4 : 2;
    ctx.fillStyle = theme.packet;
    for (let i = from; i < to; i++) {
      if (this.packets.kind[i]) continue;
      const x = axis.x(this.packets.at_s[i]);
      if (few) this.shape(pen, "in order", x, y(this.packets.delay_ms[i]));
      else ctx.fillRect(x - size / 2, y(this.packets.delay_ms[i]) - size / 2, size, size);
    }
  }

  paintOdd(pen, y, from, to) {
    let last = -Infinity;
    for (let i = from; i < to; i++) {
      const kind = this.packets.kind[i];
      if (!kind) continue;
      const x = pen.axis.x(this.packets.at_s[i]);
      const fate = FATE[kind & 7];
      const plain = !(kind & 7);
      if (plain && kind & DTX && !(kind & MARKER) && x - last < 0.7) continue;
      last = x;
      const at = y(this.packets.delay_ms[i]);
      this.shape(pen, plain && kind & DTX ? "no speech (DTX)" : fate, x, at);
      if (kind & MARKER) this.shape(pen, "marker", x, at);
    }
  }

  paintLost(pen, y) {
    const { ctx, axis, box, theme } = pen;
    const { at_s, delay_ms } = this.lost;
    let last = -Infinity;
    for (let i = lowerBound(at_s, axis.start); i < lowerBound(at_s, axis.end); i++) {
      const x = axis.x(at_s[i]);
      if (x - last < 3) continue;
      last = x;
      ctx.save();
      ctx.globalAlpha = 0.28;
      ctx.fillStyle = theme.lost;
      ctx.fillRect(x - 0.75, box.y, 1.5, box.h);
      ctx.restore();
      this.shape(pen, "lost", x, y(delay_ms[i]));
    }
  }

  shape({ ctx, theme }, name, x, y) {
    const { fill, colour } = PACKET_SHAPES[name];
    ctx.translate(x, y);
    if (fill) {
      ctx.fillStyle = theme[colour];
      ctx.fill(this.paths[name]);
    } else {
      ctx.strokeStyle = theme[colour];
      ctx.lineWidth = name === "lost" ? 1.8 : 1.4;
      ctx.stroke(this.paths[name]);
    }
    ctx.translate(-x, -y);
  }

  nearest(t) {
    const { at_s } = this.packets;
    const after = Math.min(lowerBound(at_s, t), at_s.length - 1);
    return after > 0 && t - at_s[after - 1] < at_s[after] - t ? after - 1 : after;
  }

  read(t) {
    const i = this.nearest(t);
    const p = this.packets;
    if (i < 0) return [];
    const away = p.at_s[i] - t;
    const where = Math.abs(away) < AWAY_S ? "" : `, ${formatSpan(away)} ${away < 0 ? "before" : "after"}`;
    const said = FATE[p.kind[i] & 7] + (p.kind[i] & MARKER ? ", marker" : "") + where;
    return [
      [this.spec.label, `${p.delay_ms[i].toFixed(1)} ms, ${said}`],
      ["frame", String(p.frame[i])],
      ["sequence", String(p.sequence_number[i])],
      ["RTP timestamp", String(p.timestamp[i])],
      ["payload", `${p.octets[i]} octets`],
    ];
  }

  describe(axis) {
    const [from, to] = this.range(axis);
    const lost = lowerBound(this.lost.at_s, axis.end) - lowerBound(this.lost.at_s, axis.start);
    let most = 0;
    for (let i = from; i < to; i++) most = Math.max(most, this.packets.delay_ms[i]);
    return `${to - from} packets, ${lost} lost, most delayed ${most.toFixed(1)} ms`;
  }
}
