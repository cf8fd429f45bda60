// The timeline as anywidget shows it: the canvas and the widget's traits follow each other, and a still is kept.

import { element, hideStill } from "./canvas/dom.js";
import { KernelClient } from "./canvas/source.js";
import { mount } from "./timeline.js";

const RESTED_MS = 120;

export async function render({ model, el }) {
  const timeline = await mount(el.appendChild(element("div")), new KernelClient(model));
  const told = {}; // what the hand did and the kernel does not know yet
  let settle = null;
  timeline.on((change) => {
    Object.assign(told, change);
    clearTimeout(settle);
    settle = setTimeout(() => {
      Object.entries(told).forEach(([name, value]) => model.set(name, value));
      model.save_changes();
      for (const name of Object.keys(told)) delete told[name];
    }, "glitch" in change ? 0 : RESTED_MS); // a choice is told at once, a movement once the hand rests
  });
  const follow = {
    window() {
      if ("window" in told) return;
      const [start, end] = model.get("window");
      if (Math.abs(start - timeline.axis.start) + Math.abs(end - timeline.axis.end) > 1e-6) timeline.showWindow(start, end);
    },
    glitch() {
      delete told.glitch; // chosen elsewhere since, and that counts
      if (model.get("glitch") !== timeline.chosen) timeline.choose(model.get("glitch"), { zoom: true, quiet: true });
    },
    range() {
      if (String(model.get("range")) !== String(timeline.range)) timeline.setRange(model.get("range"));
    },
  };
  for (const [name, obey] of Object.entries(follow)) {
    model.on(`change:${name}`, obey);
    obey(); // it may have been set before there was a view
  }
  const shown = hideStill(model.get("still_id"));
  sendStill(timeline, model);
  const predict = () => timeline.setPredicted(model.get("predicted"));
  model.on("change:predicted", predict);
  if (model.get("predicted").length) predict();
  return () => {
    shown.remove();
    timeline.close();
  };
}

const SETTLED_MS = 2500;

// Once the first picture has settled, the notebook keeps it.
function sendStill(timeline, model) {
  setTimeout(() => model.send({ kind: "still", picture: timeline.picture() }), SETTLED_MS);
}

export default { render };
