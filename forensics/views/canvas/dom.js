// Small builders for the page around the canvas. Text is always set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

export function icon(path, { size = 16, box = "0 0 16 16", fill = false, className = "tl-icon" } = {}) {
  const svg = document.createElementNS(SVG, "svg");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill", fill ? "currentColor" : "none");
  shape.setAttribute("stroke", fill ? "none" : "currentColor");
  for (const [name, value] of Object.entries({ viewBox: box, width: size, height: size, class: className, "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  svg.append(shape);
  return svg;
}

export function button(label, path, pressed, options = {}) {
  const node = element("button", { type: "button", class: "tl-button", title: label, "aria-label": label, ...options });
  if (path) node.append(icon(path));
  node.addEventListener("click", pressed);
  return node;
}

export function choice(label, entries, value, changed) {
  const select = element("select", { class: "tl-choice", "aria-label": label, title: label });
  for (const [key, text] of entries) select.append(element("option", { value: key, selected: key === value }, text));
  select.addEventListener("change", () => changed(select.value));
  return select;
}

// The still beside a live view is for those who open the notebook without a kernel. Removing the rule shows it again.
export function hideStill(id) {
  const rule = element("style", {}, `.forensics-still[data-widget="${CSS.escape(id)}"] { display: none; }`);
  document.head.append(rule);
  return rule;
}
