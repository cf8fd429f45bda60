// The shared time axis: seconds to pixels and back, the visible window, and ticks that read well at any zoom.

const SHORTEST_SPAN_S = 0.002;

export class TimeAxis {
  constructor(start, end) {
    this.full = { start, end };
    this.start = start;
    this.end = end;
    this.left = 0;
    this.width = 1;
  }

  get span() {
    return this.end - this.start;
  }

  get pixel() {
    return this.span / this.width;
  }

  x(t) {
    return this.left + ((t - this.start) / this.span) * this.width;
  }

  t(x) {
    return this.start + ((x - this.left) / this.width) * this.span;
  }

  // Show from `start` to `end`, kept within the call and no shorter than SHORTEST_SPAN_S.
  show(start, end) {
    const whole = this.full.end - this.full.start;
    const span = Math.min(Math.max(end - start, SHORTEST_SPAN_S), whole);
    const middle = (start + end) / 2;
    this.start = Math.min(Math.max(middle - span / 2, this.full.start), this.full.end - span);
    this.end = this.start + span;
  }

  zoom(factor, at) {
    this.show(at - (at - this.start) * factor, at + (this.end - at) * factor);
  }

  pan(seconds) {
    this.show(this.start + seconds, this.end + seconds);
  }
}

const TIME_STEPS = [
  1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
];

export function timeTicks(axis, minPixels) {
  const step = TIME_STEPS.find((s) => s / axis.pixel >= minPixels) ?? 3600;
  const ticks = [];
  const first = Math.ceil(axis.start / step - 1e-9);
  for (let i = first; i * step <= axis.end + step * 1e-9; i++) ticks.push(i * step);
  return { step, ticks };
}

// 3725.5 → "1:02:05.5"; as many decimals as `step` needs, at least minutes and seconds.
export function formatTime(t, step = 0.001) {
  const decimals = step >= 1 ? 0 : Math.min(4, Math.ceil(-Math.log10(step) - 1e-9));
  const scaled = Math.round(Math.abs(t) * 10 ** decimals) / 10 ** decimals;
  const hours = Math.floor(scaled / 3600);
  const minutes = Math.floor(scaled / 60) % 60;
  const seconds = (scaled % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  const sign = t < 0 && scaled > 0 ? "−" : "";
  return sign + (hours ? `${hours}:${String(minutes).padStart(2, "0")}` : `${minutes}`) + `:${seconds}`;
}

export function formatSpan(seconds) {
  const ms = Math.abs(seconds) * 1e3;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1e3).toFixed(ms < 1e4 ? 2 : 1)} s`;
}

export function formatNumber(value) {
  return String(value).replace("-", "−");
}

// Round values from 0 up to `top`, about `count` of them.
export function niceTicks(top, count) {
  return ticksBetween(0, top * 1.0001, count);
}

// Round values between `low` and `high`, about `count` of them, zero among them where it lies between.
export function ticksBetween(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw * 0.999) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(Math.round(i * step * 1e6) / 1e6);
  return ticks;
}

// First index whose value is not below `x`, in a sorted array.
export function lowerBound(values, x) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

// How one instant reads on every clock: [name, text] pairs.
export function clockReadings(axis, t) {
  const name = axis.name === "recording" ? "recording" : "capture";
  const out = [[name, formatTime(t)]];
  if (!axis.capture) return out;
  const stepped = axis.capture.steps.reduce((sum, [at, change]) => (at <= t ? sum + change : sum), 0);
  const capture = t * (1 + axis.capture.drift_ppm * 1e-6) + axis.capture.offset_s + stepped;
  if (axis.name === "recording") {
    out.push(["capture", `${formatTime(capture)} ±${formatNumber(Math.round(axis.capture.error_s * 1e4) / 10)} ms`]);
  }
  if (axis.origin_ns !== "0") {
    const ms = Number(BigInt(axis.origin_ns) / 1000n) / 1e3 + capture * 1e3;
    out.push(["UTC", new Date(ms).toISOString().slice(11, 23)]);
  }
  return out;
}
