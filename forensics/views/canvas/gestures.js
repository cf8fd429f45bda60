// Wheel, pointer and keys: what moves the axis, the cursor and the selection.

const WHEEL_ZOOM = 0.0022;
const CLICK_PX = 4;

export function listen(timeline) {
  const { stage } = timeline;
  const intent = wheelIntent(stage);
  stage.addEventListener("wheel", (event) => onWheel(timeline, event, intent), { passive: false });
  stage.addEventListener("pointerdown", (event) => onDown(timeline, event));
  stage.addEventListener("pointermove", (event) => onHover(timeline, event));
  stage.addEventListener("pointerleave", () => timeline.setHover(null));
  stage.addEventListener("dblclick", (event) => onDouble(timeline, event));
  stage.addEventListener("keydown", (event) => onKey(timeline, event));
}

// A page that scrolls under a resting pointer goes on scrolling; the wheel zooms once the pointer was moved in here.
function wheelIntent(stage) {
  let meant = false;
  stage.addEventListener("pointermove", (event) => {
    if (event.movementX || event.movementY) meant = true;
  });
  stage.addEventListener("pointerleave", () => (meant = false));
  return (event) => meant || event.ctrlKey || event.metaKey || stage.contains(document.activeElement);
}

function onWheel(timeline, event, intent) {
  if (!intent(event)) return;
  event.preventDefault();
  const { axis } = timeline;
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) axis.pan(sideways * axis.pixel);
  else axis.zoom(Math.exp(event.deltaY * (event.deltaMode ? 30 : 1) * WHEEL_ZOOM), axis.t(timeline.place(event).x));
  timeline.windowMoved();
}

function onHover(timeline, event) {
  const point = timeline.place(event);
  timeline.setHover(point.x >= timeline.axis.left ? point : null);
}

function onDown(timeline, event) {
  if (event.button !== 0 || event.target.closest(".tl-head")) return;
  const point = timeline.place(event);
  if (point.x < timeline.axis.left) return;
  timeline.stage.focus({ preventScroll: true });
  timeline.stage.setPointerCapture(event.pointerId);
  const drag = startDrag(timeline, point, event);
  const move = (moved) => drag.move(timeline.place(moved));
  timeline.stage.addEventListener("pointermove", move);
  timeline.stage.addEventListener("lostpointercapture", () => {
    timeline.stage.removeEventListener("pointermove", move);
    drag.done();
  }, { once: true });
}

function startDrag(timeline, from, event) {
  if (from.y < timeline.rulerTop) return mapDrag(timeline, from);
  if (event.shiftKey || from.y < timeline.lanesTop) return rangeDrag(timeline, from);
  return panDrag(timeline, from);
}

function mapDrag(timeline, from) {
  const move = (point) => {
    const middle = timeline.mapTime(point.x);
    timeline.axis.show(middle - timeline.axis.span / 2, middle + timeline.axis.span / 2);
    timeline.windowMoved();
  };
  move(from);
  return { move, done() {} };
}

function rangeDrag(timeline, from) {
  const start = timeline.axis.t(from.x);
  let moved = false;
  return {
    move(point) {
      moved ||= Math.abs(point.x - from.x) > CLICK_PX;
      const end = timeline.axis.t(point.x);
      if (moved) timeline.setRange([Math.min(start, end), Math.max(start, end)]);
    },
    done() {
      if (!moved) timeline.setCursor(start);
    },
  };
}

function panDrag(timeline, from) {
  const { start, span, width } = timeline.axis;
  let moved = false;
  return {
    move(point) {
      moved ||= Math.abs(point.x - from.x) > CLICK_PX;
      if (!moved) return;
      const by = ((point.x - from.x) / width) * span;
      timeline.axis.show(start - by, start - by + span);
      timeline.windowMoved();
    },
    done() {
      if (!moved) timeline.click(from);
    },
  };
}

function onDouble(timeline, event) {
  const point = timeline.place(event);
  const t = timeline.axis.t(point.x);
  const { glitches } = timeline.header;
  const slack = 4 * timeline.axis.pixel;
  const glitch = timeline.glitchAt(point) ?? glitches.find((g) => g.start_s - slack <= t && t <= g.end_s + slack);
  if (glitch) timeline.choose(glitch.id, { zoom: true });
  else timeline.zoomBy(0.4, t);
}

const ACTIONS = {
  ArrowLeft: (tl, e) => tl.panBy(e.shiftKey ? -0.5 : -0.1),
  ArrowRight: (tl, e) => tl.panBy(e.shiftKey ? 0.5 : 0.1),
  "+": (tl) => tl.zoomBy(0.5),
  "=": (tl) => tl.zoomBy(0.5),
  "-": (tl) => tl.zoomBy(2),
  0: (tl) => tl.showAll(),
  Home: (tl) => tl.panTo(tl.axis.full.start),
  End: (tl) => tl.panTo(tl.axis.full.end - tl.axis.span),
  n: (tl) => tl.stepGlitch(1),
  p: (tl) => tl.stepGlitch(-1),
  " ": (tl) => tl.listening.toggle(),
  l: (tl) => tl.listening.toggleLoop(),
  b: (tl) => tl.listening.swap(),
  ",": (tl) => tl.moveCursor(-1),
  ".": (tl) => tl.moveCursor(1),
  "<": (tl) => tl.moveCursor(-10),
  ">": (tl) => tl.moveCursor(10),
  m: (tl) => tl.toggleMeasure(),
  Escape: (tl) => tl.clear(),
};

function onKey(timeline, event) {
  if (event.target !== timeline.stage || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action(timeline, event);
  timeline.announce();
}
