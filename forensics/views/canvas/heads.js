// The head of each lane, left of the canvas: its name, which folds it and by which it is moved, and the edge that resizes it.

import { element, icon } from "./dom.js";

const DRAG_PX = 6;

export function buildHead(timeline, lane) {
  const head = element("div", { class: "tl-head" });
  const label = element("span", { class: "tl-label" }, lane.spec.label, element("span", { class: "tl-what" }, laneName(lane).slice(lane.spec.label.length)));
  const unit = element("span", { class: "tl-unit" }, lane.spec.unit);
  if (timeline.compact) {
    head.append(element("div", { class: "tl-fold" }, label), unit);
    return head;
  }
  const fold = element("button", { type: "button", class: "tl-fold", "aria-expanded": String(!lane.folded) }, icon("M4.5 6L8 9.5L11.5 6", { size: 12 }), label);
  fold.title = "Fold or open; drag, or Alt + ↑ ↓, moves the lane";
  fold.setAttribute("aria-label", laneName(lane));
  fold.addEventListener("click", () => !head.dragged && timeline.foldLane(lane));
  fold.addEventListener("keydown", (event) => {
    if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    timeline.moveLane(lane, event.key === "ArrowUp" ? -1 : 1);
    fold.focus();
  });
  head.append(fold, unit, buildGrip(timeline, lane));
  head.addEventListener("pointerdown", (event) => startMove(timeline, lane, head, event));
  lane.head = head;
  lane.foldButton = fold;
  return head;
}

// Drag a lane by its head to another place; a press that does not move stays a click.
function startMove(timeline, lane, head, event) {
  head.dragged = false;
  if (event.button !== 0 || event.target.closest(".tl-grip")) return;
  const from = event.clientY;
  const move = (moved) => {
    if (Math.abs(moved.clientY - from) > DRAG_PX) head.dragged = true;
    if (!head.dragged) return;
    head.classList.add("tl-dragged");
    timeline.moveLaneTo(lane, timeline.place(moved).y);
  };
  const done = () => {
    document.removeEventListener("pointermove", move);
    head.classList.remove("tl-dragged");
  };
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", done, { once: true });
}

export function laneName(lane) {
  const what = { wave: "waveform", spectrogram: "spectrogram" }[lane.spec.kind];
  return what ? `${lane.spec.label}, ${what}` : lane.spec.label;
}

// The lower edge of a lane: drag it, or focus it and press the arrow keys.
function buildGrip(timeline, lane) {
  const grip = element("div", {
    class: "tl-grip", role: "separator", tabindex: "0", "aria-orientation": "horizontal", "aria-label": `Height of ${laneName(lane)}`,
    "aria-valuemin": "32", "aria-valuemax": "480", "aria-valuenow": String(lane.height),
  });
  const resize = (height) => {
    lane.height = Math.min(Math.max(height, 32), 480);
    grip.setAttribute("aria-valuenow", String(lane.height));
    timeline.layout();
  };
  grip.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -8, ArrowDown: 8 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    resize(lane.height + step);
  });
  grip.addEventListener("pointerdown", (event) => {
    grip.setPointerCapture(event.pointerId);
    const from = event.clientY - lane.height;
    const drag = (move) => resize(move.clientY - from);
    grip.addEventListener("pointermove", drag);
    grip.addEventListener("lostpointercapture", () => grip.removeEventListener("pointermove", drag), { once: true });
  });
  return grip;
}
