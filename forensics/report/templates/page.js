// The report's own script: the timeline of the whole call, a picture per glitch when it comes into sight, the theme.

const page = JSON.parse(document.getElementById("data").textContent);
const client = new PageClient(page);

const shown = []; // every timeline and picture that is drawn

async function show(node, options) {
  shown.push(await mount(node, client, options));
  return shown.at(-1);
}

async function showTimeline() {
  const timeline = await show(document.getElementById("timeline"), {});
  document.documentElement.dataset.ready = "true";
  for (const row of document.querySelectorAll("tr[data-glitch]")) linkRow(row, timeline);
}

// From the table to the picture of the whole call.
function linkRow(row, timeline) {
  const show = element("button", { type: "button", class: "quiet", title: "Show it on the timeline" }, "show");
  show.setAttribute("aria-label", `Show ${row.dataset.glitch} on the timeline`);
  show.addEventListener("click", () => {
    timeline.choose(row.dataset.glitch, { zoom: true });
    timeline.root.scrollIntoView({ block: "nearest" });
    timeline.stage.focus({ preventScroll: true });
  });
  row.cells[0].append(show);
}

function showPicture(node) {
  if (node.dataset.shown) return;
  node.dataset.shown = "true";
  const { window: stretch, lanes, label, glitch } = node.dataset;
  const options = { window: stretch.split(",").map(Number), lanes: lanes.split(","), compact: true, label, glitch };
  show(node.appendChild(element("div")), options).then(() => (node.dataset.drawn = "true"));
}

const pictures = [...document.querySelectorAll(".picture")];

function watchPictures() {
  const seen = (entries) => entries.filter((e) => e.isIntersecting).forEach((e) => showPicture(e.target));
  const watcher = new IntersectionObserver(seen, { rootMargin: "600px" });
  pictures.forEach((node) => watcher.observe(node));
}

// On paper everything is light and as wide as a sheet, and every picture is there.
function fitPaper() {
  document.documentElement.classList.add("printing");
  pictures.filter((node) => node.checkVisibility()).forEach(showPicture);
  shown.forEach((each) => each.restyle());
}

function fitScreen() {
  document.documentElement.classList.remove("printing");
  shown.forEach((each) => each.restyle());
}

function offerCopies() {
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = "Copied";
    });
  }
}

offerCopies();
addEventListener("beforeprint", fitPaper);
addEventListener("afterprint", fitScreen);
client.open().then(async () => {
  watchPictures();
  await showTimeline();
  await client.warm();
  document.documentElement.dataset.warm = "true";
});
