// The timeline as anywidget shows it: the canvas and the widget's traits follow each other, and a still is kept.

import { element, hideStill } from "./canvas/dom.js";
import { KernelClient } from "./canvas/source.js";
import { mount } from "./timeline.js";

export async function render({ model, el }) {
  const timeline = await mount(el.appendChild(element("div")), new KernelClient(model));
  const told = {}; // what the hand did and the kernel does not know yet
  let settle = null;
  const keep = () => "window" in told && model.set("window", told.window); // the rest may be chosen elsewhere meanwhile
  timeline.on((change) => {
    Object.assign(told, change);
    Object.entries(change).forEach(([name, value]) => model.set(name, value));
    clearTimeout(settle);
    settle = setTimeout(() => {
      keep(); // once more: the kernel may have echoed an older value meanwhile
      model.save_changes();
      for (const name of Object.keys(told)) delete told[name];
    }, 120);
  });
  const follow = {
    window() {
      if ("window" in told) return;
      const [start, end] = model.get("window");
      if (Math.abs(start - timeline.axis.start) + Math.abs(end - timeline.axis.end) > 1e-6) timeline.showWindow(start, end);
    },
    glitch() {
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
