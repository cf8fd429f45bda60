// Colours and fonts as the page has them, resolved for the canvas; patterns and glyphs of the causes; the colour map.

const TOKENS = ["bg", "lane", "grid", "line", "ink", "muted", "accent", "wave", "packet", "lost", "odd", "target", "user", "agent", "cursor", "unknown"];

// Colours are resolved by the style sheet's own rules, whatever they are written with; the ground decides dark or light.
export function readTheme(element, causes) {
  const probe = element.appendChild(document.createElement("span"));
  const resolve = (name) => {
    probe.style.color = `var(--tl-${name})`;
    return getComputedStyle(probe).color;
  };
  const theme = Object.fromEntries(TOKENS.map((name) => [name, resolve(name)]));
  probe.remove();
  theme.font = getComputedStyle(element).fontFamily;
  theme.dark = luminance(theme.bg) < 0.4;
  theme.patterns = new Map();
  for (const mark of element.querySelectorAll("[data-cause]")) mark.style.color = causeColour(theme, causes[mark.dataset.cause]);
  return theme;
}

// Relative luminance of an "rgb(…)" as browsers compute it, without gamma: enough to tell dark from light.
function luminance(colour) {
  const [r, g, b] = (colour.match(/[\d.]+/g) ?? [1, 1, 1]).map(Number); // a node that was taken out has no colour
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / (colour.startsWith("color(") ? 1 : 255);
}

export function causeColour(theme, look) {
  return theme.dark ? look.dark : look.light;
}

// Each cause has strokes of its own, so that it is known without its colour.
const STROKES = {
  cross: "M0 0L8 8M8 0L0 8",
  diagonal: "M-2 2L2 -2M0 8L8 0M6 10L10 6",
  backward: "M-2 6L2 10M0 0L8 8M6 -2L10 2",
  vertical: "M2 0V8M6 0V8",
  horizontal: "M0 2H8M0 6H8",
  dots: "M2 2h.01M6 6h.01",
  plain: "",
};

export function causePattern(ctx, theme, look) {
  if (!theme.patterns.has(look.pattern)) theme.patterns.set(look.pattern, drawPattern(ctx, theme, look));
  return theme.patterns.get(look.pattern);
}

function drawPattern(ctx, theme, look) {
  const scale = Math.max(1, Math.round(devicePixelRatio || 1));
  const cell = document.createElement("canvas");
  cell.width = cell.height = 8 * scale;
  const brush = cell.getContext("2d");
  brush.scale(scale, scale);
  brush.fillStyle = causeColour(theme, look);
  brush.fillRect(0, 0, 8, 8);
  brush.strokeStyle = theme.dark ? "rgba(0,0,0,.45)" : "rgba(255,255,255,.5)";
  brush.lineWidth = look.pattern === "dots" ? 2.4 : 1.1;
  brush.lineCap = look.pattern === "dots" ? "round" : "butt";
  brush.stroke(new Path2D(STROKES[look.pattern]));
  const pattern = ctx.createPattern(cell, "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / scale));
  return pattern;
}

export function drawGlyph(ctx, look, x, y, colour, size = 14) {
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 16, size / 16);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2;
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.stroke(new Path2D(look.glyph));
  ctx.restore();
}

// Perceptually even, dark to light, safe for colour vision deficiencies: stops of matplotlib's magma.
const STOPS = ["#000004", "#140e36", "#3b0f70", "#641a80", "#8c2981", "#b73779", "#de4968", "#f7705c", "#fe9f6d", "#fecf92", "#fcfdbf"];
const DARK_SHARE = 0.12;
export const SILENCE_COLOUR = [14, 74, 84];

// Bytes of a spectrogram tile: 0 is left to the coarser level, 1 nothing, 2 digital silence, from QUIETEST on a level.
export const SILENT = 2;
export const QUIETEST = 3;

// 256 entries of red, green, blue, alpha; `nothing` is an "rgb(…)".
export function colourMap(nothing = "rgb(0, 0, 0)") {
  const table = new Uint8ClampedArray(1024);
  const stops = STOPS.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  for (let value = QUIETEST; value < 256; value++) {
    // the upper part of the range holds nearly all of speech: spend the colours there
    const share = Math.max(0, (value - QUIETEST) / (255 - QUIETEST) - DARK_SHARE) / (1 - DARK_SHARE);
    const below = Math.min(Math.floor(share * (stops.length - 1)), stops.length - 2);
    const rest = share * (stops.length - 1) - below;
    const colour = stops[below].map((from, c) => from + rest * (stops[below + 1][c] - from));
    table.set([...colour, 255], value * 4);
  }
  table.set([...nothing.match(/[\d.]+/g).map(Number).slice(0, 3), 255], 4);
  table.set([...SILENCE_COLOUR, 255], SILENT * 4);
  return table;
}
