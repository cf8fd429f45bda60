// The list of glitches: sorts by any column, filters by cause, mechanism, audibility and confidence, follows the choice.

import { formatSpan, formatTime } from "./canvas/axis.js";
import { choice, element, icon } from "./canvas/dom.js";

const COLUMNS = [
  { key: "id", title: "Glitch", show: (g) => g.id },
  { key: "start_s", title: "Starts", number: true, show: (g) => formatTime(g.start_s) },
  { key: "length", title: "Lasts", number: true, show: (g) => formatSpan(g.end_s - g.start_s), value: (g) => g.end_s - g.start_s },
  { key: "cause", title: "Cause", show: (g, causes) => [icon(causes[g.cause].glyph, { className: `glyph cause-${g.cause}` }), causes[g.cause].label] },
  { key: "mechanism", title: "Mechanism", show: (g) => g.mechanism.replaceAll("_", " ") || "–" },
  { key: "confidence", title: "Confidence", number: true, show: (g) => (g.confidence >= 0.995 ? "> 99 %" : `${Math.round(100 * g.confidence)} %`) },
  { key: "audible", title: "Audible", show: (g) => (g.audible ? "yes" : "masked") },
];

class GlitchList {
  constructor(model, root) {
    this.model = model;
    this.rows = model.get("rows");
    this.causes = model.get("causes");
    this.sort = { key: "start_s", down: false };
    const heard = this.rows.some((g) => g.audible) && this.rows.some((g) => !g.audible);
    this.filter = { cause: "", mechanism: "", audible: heard ? "true" : "", confidence: "0" };
    this.build(root);
    model.on("change:glitch", () => this.show());
    this.show();
  }

  build(root) {
    this.count = element("span", { class: "forensics-count", "aria-live": "polite" });
    this.head = element("tr");
    this.body = element("tbody");
    const table = element("table", {}, element("thead", {}, this.head), this.body);
    table.addEventListener("keydown", (event) => this.step(event));
    root.classList.add("forensics", "forensics-list");
    root.dataset.lmSuppressShortcuts = "true";
    root.append(this.buildFilters(), element("div", { class: "forensics-scroll", tabindex: "0", role: "region", "aria-label": "Glitches" }, table));
  }

  buildFilters() {
    const distinct = (key) => [...new Set(this.rows.map((g) => g[key]))].filter(Boolean).sort();
    const pick = (key, label, entries) =>
      choice(label, entries, this.filter[key], (value) => {
        this.filter[key] = value;
        this.show();
      });
    return element(
      "div",
      { class: "forensics-filters" },
      pick("cause", "Cause", [["", "any cause"], ...distinct("cause").map((c) => [c, this.causes[c].label])]),
      pick("mechanism", "Mechanism", [["", "any mechanism"], ...distinct("mechanism").map((m) => [m, m.replaceAll("_", " ")])]),
      pick("audible", "Audibility", [["", "heard or masked"], ["true", "heard"], ["false", "masked"]]),
      pick("confidence", "Confidence", [["0", "any confidence"], ["0.5", "50 % or more"], ["0.8", "80 % or more"], ["0.95", "95 % or more"]]),
      this.count,
    );
  }

  wanted() {
    const { cause, mechanism, audible, confidence } = this.filter;
    const column = COLUMNS.find((c) => c.key === this.sort.key);
    const value = column.value ?? ((g) => g[column.key]);
    const order = (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a.start_s - b.start_s) * (this.sort.down ? -1 : 1);
    return this.rows
      .filter((g) => (!cause || g.cause === cause) && (!mechanism || g.mechanism === mechanism))
      .filter((g) => (!audible || String(g.audible) === audible) && g.confidence >= Number(confidence))
      .sort(order);
  }

  show() {
    const wanted = this.wanted();
    this.columns = COLUMNS.filter((column) => column.key !== "audible" || !this.filter.audible);
    this.head.replaceChildren(...this.columns.map((column) => this.header(column)));
    this.body.replaceChildren(...wanted.map((g) => this.row(g)));
    this.count.textContent = wanted.length === this.rows.length ? `${wanted.length} in all` : `${wanted.length} of ${this.rows.length}`;
  }

  header(column) {
    const mine = this.sort.key === column.key;
    const order = mine ? (this.sort.down ? "descending" : "ascending") : "none";
    const press = element("button", { type: "button" }, column.title, mine ? (this.sort.down ? " ↓" : " ↑") : "");
    press.addEventListener("click", () => {
      this.sort = { key: column.key, down: mine && !this.sort.down };
      this.show();
      this.head.querySelector(`[data-key="${column.key}"] button`).focus();
    });
    return element("th", { scope: "col", "aria-sort": order, "data-key": column.key, class: column.number ? "number" : "" }, press);
  }

  row(glitch) {
    const chosen = glitch.id === this.model.get("glitch");
    const row = element("tr", { "data-glitch": glitch.id, "aria-current": chosen ? "true" : null });
    for (const column of this.columns) {
      const shown = [column.show(glitch, this.causes)].flat();
      if (column.key === "id") row.append(element("th", { scope: "row" }, element("button", { type: "button", "aria-pressed": String(chosen) }, ...shown)));
      else row.append(element("td", { class: column.number ? "number" : "" }, ...shown));
    }
    row.addEventListener("click", () => this.choose(glitch.id));
    return row;
  }

  choose(id) {
    this.model.set("glitch", id);
    this.model.save_changes();
    this.body.querySelector(`[data-glitch="${CSS.escape(id)}"] button`)?.focus();
  }

  // ↑ and ↓ go through the list.
  step(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !event.target.closest("tbody")) return;
    event.preventDefault();
    const wanted = this.wanted();
    const at = wanted.findIndex((g) => g.id === event.target.closest("tr").dataset.glitch);
    const next = wanted[at + by];
    if (next) this.choose(next.id);
  }
}

export function renderList({ model, el }) {
  new GlitchList(model, el.appendChild(element("div")));
}

export default { render: renderList };
