// Lanes of stretches in rows: where somebody speaks, the phases of the set-up, the holes that replays predict.

import { formatSpan } from "./axis.js";
import { Lane, fittingText, roundedBar, scaleMark } from "./lane.js";

const ROW_LABELS = { heard: "heard", sent: "sent", microphone: "user" };

// Speech activity: a row per sound. The stretches come when they are worked out.
export class ActivityLane extends Lane {
  constructor(spec, view) {
    super(spec, view);
    this.sounds = spec.sounds.filter((name) => view.client.has(this.key(name)));
  }

  key(sound) {
    return `${sound}/activity/0/0`;
  }

  stretches(sound) {
    return this.view.store.get(this.key(sound))?.data;
  }

  paint(pen) {
    const { ctx, axis, box, theme } = pen;
    const height = box.h / Math.max(this.sounds.length, 1);
    this.sounds.forEach((sound, i) => {
      const y = box.y + i * height;
      scaleMark(pen, y + height / 2, ROW_LABELS[sound] ?? sound);
      ctx.fillStyle = sound === "microphone" ? theme.user : theme.agent;
      const data = this.stretches(sound);
      if (!data) return this.paintWaiting(pen, y + height / 2);
      for (let j = 0; j < data.length; j += 2) {
        if (data[j + 1] < axis.start || data[j] > axis.end) continue;
        ctx.fillRect(axis.x(data[j]), y + 2, Math.max(axis.x(data[j + 1]) - axis.x(data[j]), 1), height - 4);
      }
      return undefined;
    });
  }

  paintWaiting({ ctx, box, theme }, y) {
    ctx.fillStyle = theme.muted;
    ctx.font = `10.5px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText("listening …", box.x + 8, y);
  }

  read(t) {
    const speaks = (data) => data?.some((start, j) => j % 2 === 0 && start <= t && t <= data[j + 1]);
    const who = this.sounds.filter((sound) => speaks(this.view.store.peek(this.key(sound))?.data));
    return [["speech", who.map((sound) => ROW_LABELS[sound] ?? sound).join(", ") || "none"]];
  }

  describe(axis) {
    const share = (sound) => {
      const data = this.view.store.peek(this.key(sound))?.data ?? [];
      let sum = 0;
      for (let j = 0; j < data.length; j += 2) sum += Math.max(0, Math.min(data[j + 1], axis.end) - Math.max(data[j], axis.start));
      return `${ROW_LABELS[sound] ?? sound} ${Math.round((100 * sum) / axis.span)} %`;
    };
    return this.sounds.map(share).join(", ");
  }
}

export class SetupLane extends Lane {
  get phases() {
    return this.view.header.setup;
  }

  paint({ ctx, axis, box, theme }) {
    ctx.font = `10.5px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    for (const { phase, start_s, end_s } of this.phases) {
      if (end_s < axis.start || start_s > axis.end) continue;
      const x = axis.x(start_s);
      const width = Math.max(axis.x(end_s) - x, 3);
      ctx.strokeStyle = theme.accent;
      ctx.lineWidth = 1.2;
      roundedBar(ctx, x, box.y + 7, width, box.h - 14, 3);
      ctx.stroke();
      ctx.fillStyle = theme.ink;
      const left = Math.max(x, box.x);
      fittingText(ctx, `${phase}, ${formatSpan(end_s - start_s)}`, left + 5, box.y + box.h / 2, x + width - left - 8);
    }
  }

  read(t) {
    return this.phases.filter((p) => p.start_s <= t && t <= p.end_s).map((p) => [p.phase, p.statement]);
  }

  describe(axis) {
    const within = this.phases.filter((p) => p.end_s >= axis.start && p.start_s <= axis.end);
    return within.map((p) => `${p.phase} ${formatSpan(p.end_s - p.start_s)}`).join(", ") || "none in view";
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
    return this.rows.map((row) => `${row.name}: ${within(row)} ${within(row) === 1 ? "hole" : "holes"}`).join(", ");
  }
}
