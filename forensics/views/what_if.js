// The controls of the replay: a slider per length, a switch per condition, and what the kernel says they come to.

import { element } from "./canvas/dom.js";

const LENGTHS = [["target_ms", "Buffer target"], ["lead_ms", "Send lead"]];
const CONDITIONS = [["repaired", "losses repaired"], ["prompt", "sender never late"], ["steady", "network without jitter"]];
const STEP_MS = 10;

class WhatIf {
  constructor(model, root) {
    this.model = model;
    this.said = element("p", { class: "forensics-said", role: "status" });
    const lengths = LENGTHS.map(([name, label]) => this.slider(name, label));
    const conditions = CONDITIONS.map(([name, label]) => this.toggle(name, label));
    const body = element("div", { class: "forensics-controls" }, ...lengths, element("div", { class: "forensics-switches" }, ...conditions), this.said);
    root.classList.add("forensics", "forensics-what-if");
    root.dataset.lmSuppressShortcuts = "true";
    root.append(element("details", {}, element("summary", {}, "What if"), body));
    model.on("change:said", () => this.show());
    this.show();
  }

  slider(name, label) {
    const value = this.model.get(name);
    const input = element("input", { type: "range", min: "0", max: String(this.model.get("largest")[name]), step: String(STEP_MS), value: String(value) });
    const output = element("output", {}, `${value} ms`);
    const show = (ms) => {
      input.value = String(ms);
      output.textContent = `${ms} ms`;
      input.setAttribute("aria-valuetext", `${ms} ms`);
    };
    show(value);
    input.addEventListener("input", () => {
      show(Number(input.value));
      this.set(name, Number(input.value));
    });
    this.model.on(`change:${name}`, () => show(this.model.get(name)));
    return element("label", { class: "forensics-slider" }, element("span", {}, label), input, output);
  }

  toggle(name, label) {
    const input = element("input", { type: "checkbox", checked: this.model.get(name) });
    input.addEventListener("change", () => this.set(name, input.checked));
    this.model.on(`change:${name}`, () => (input.checked = this.model.get(name)));
    return element("label", {}, input, ` ${label}`);
  }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  show() {
    this.said.textContent = this.model.get("said");
  }
}

export function renderWhatIf({ model, el }) {
  new WhatIf(model, el.appendChild(element("div")));
}

export default { render: renderWhatIf };
