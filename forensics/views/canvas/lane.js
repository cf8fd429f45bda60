// What all lanes share: their place, their scale at the left, and text that does not collide.

export const FOLDED_PX = 24;

export class Lane {
  constructor(spec, view) {
    this.spec = spec;
    this.view = view;
    this.folded = spec.folded;
    this.height = spec.height_px;
    this.top = 0;
    this.room = 0; // for its head, where the gutter is too narrow for it
  }

  get shown() {
    return this.folded ? FOLDED_PX : this.height;
  }

  // Lanes override: draw into `pen.box`; say what is under time t as [name, text] pairs; unit marks as [y, text].
  paint() {}

  read() {
    return [];
  }

  hit() {
    return null;
  }
}

// A value of the lane's scale, written in the gutter once the lane itself is drawn.
export function scaleMark(pen, y, text, tick = false) {
  pen.marks.push({ y, text, tick });
}

export function paintMarks({ ctx, box, theme, marks }) {
  ctx.fillStyle = theme.muted;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  ctx.font = `10.5px ${theme.font}`;
  for (const { y, text, tick } of marks) {
    ctx.fillText(text, box.x - 7, Math.min(Math.max(y, box.y + 6), box.y + box.h - 6));
    if (tick) ctx.fillRect(box.x - 4, Math.round(y), 4, 1);
  }
}

export function gridLine(pen, y) {
  const { ctx, box, theme } = pen;
  ctx.strokeStyle = theme.grid;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(box.x, Math.round(y) + 0.5);
  ctx.lineTo(box.x + box.w, Math.round(y) + 0.5);
  ctx.stroke();
}

export function roundedBar(ctx, x, y, w, h, r) {
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, Math.min(r, w / 2, h / 2));
}

// Text only where it fits into `room` pixels; returns whether it was drawn.
export function fittingText(ctx, text, x, y, room) {
  if (ctx.measureText(text).width > room) return false;
  ctx.fillText(text, x, y);
  return true;
}
