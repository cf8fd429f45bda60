// The lane of the model's events: those that brought audio as ticks, all others by a shape and a name.

import { lowerBound } from "./axis.js";
import { Lane, fittingText } from "./lane.js";

const SHAPES = {
  speech_started: "M-3 -4L4 0L-3 4Z",
  speech_stopped: "M-3.5 -3.5H3.5V3.5H-3.5Z",
  response_started: "M0 -4L4 3.5H-4Z",
  response_done: "M0 4L4 -3.5H-4Z",
  playback_started: "M4 0A4 4 0 1 1 3.99 -0.1Z",
  playback_stopped: "M4 0A4 4 0 1 1 3.99 -0.1Z",
  playback_cleared: "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5",
  truncated: "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5",
  user_transcript: "M-4 -3H4M-4 0H4M-4 3H1",
  agent_transcript: "M-4 -3H4M-4 0H4M-4 3H1",
  metric: "M0 -4.5L4 0L0 4.5L-4 0Z",
  other: "M0 -4V4",
};
const FILLED = new Set(["speech_started", "response_started", "playback_started", "metric"]);

export class EventLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.events = view.client.header.events;
    this.audio = view.client.arrays["events/audio_s"] ?? new Float64Array(0);
    this.paths = Object.fromEntries(Object.entries(SHAPES).map(([kind, path]) => [kind, new Path2D(path)]));
  }

  paint(pen) {
    this.paintAudio(pen);
    const { ctx, axis, box, theme } = pen;
    ctx.font = `10.5px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    this.events.forEach((event, i) => {
      const x = axis.x(event.at_s);
      if (x < box.x - 1 || x > box.x + box.w) return;
      this.mark(pen, event.kind, x, box.y + 12);
      const next = i + 1 < this.events.length ? axis.x(this.events[i + 1].at_s) - 6 : Infinity;
      ctx.fillStyle = theme.ink;
      fittingText(ctx, event.name, x + 8, box.y + 12, Math.min(next, box.x + box.w) - x - 10);
    });
  }

  // Each piece of audio that came out of the model; more of them than pixels make a bar.
  paintAudio({ ctx, axis, box, theme }) {
    ctx.fillStyle = theme.accent;
    let last = -Infinity;
    for (let i = lowerBound(this.audio, axis.start); i < lowerBound(this.audio, axis.end); i++) {
      const x = Math.round(axis.x(this.audio[i]));
      if (x === last) continue;
      last = x;
      ctx.fillRect(x, box.y + box.h - 18, 1, 14);
    }
  }

  mark({ ctx, theme }, kind, x, y) {
    ctx.translate(x, y);
    ctx.fillStyle = ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 1.5;
    if (FILLED.has(kind)) ctx.fill(this.paths[kind]);
    else ctx.stroke(this.paths[kind] ?? this.paths.other);
    ctx.translate(-x, -y);
  }

  read(t) {
    const close = this.events.filter((e) => Math.abs(e.at_s - t) < 5 * this.view.axis.pixel);
    return close.slice(0, 2).map((e) => ["event", e.text && e.text !== e.name ? `${e.name}: ${e.text}` : e.name]);
  }

  describe(axis) {
    const within = this.events.filter((e) => e.at_s >= axis.start && e.at_s <= axis.end);
    const pieces = lowerBound(this.audio, axis.end) - lowerBound(this.audio, axis.start);
    const names = within.slice(0, 6).map((e) => e.name);
    return `${within.length} events${names.length ? ` (${names.join(", ")}${within.length > 6 ? ", …" : ""})` : ""}, ${pieces} pieces of audio`;
  }
}
