// The report's own script: the timeline of the whole call, a picture per glitch when it comes into sight, the theme.

const page = JSON.parse(document.getElementById("data").textContent);
const client = new PageClient(page);

async function showTimeline() {
  const timeline = await mount(document.getElementById("timeline"), client);
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
  if (node.dataset.shown) return Promise.resolve();
  node.dataset.shown = "true";
  const shown = node.dataset.window.split(",").map(Number);
  const options = { window: shown, lanes: node.dataset.lanes.split(","), compact: true, label: node.dataset.label };
  return mount(node.appendChild(element("div")), client, options).then((picture) => picture.choose(node.dataset.glitch, { quiet: true }));
}

function watchPictures() {
  const pictures = [...document.querySelectorAll(".picture")];
  const watcher = new IntersectionObserver((entries) => entries.filter((e) => e.isIntersecting).forEach((e) => showPicture(e.target)), { rootMargin: "600px" });
  pictures.forEach((node) => watcher.observe(node));
  addEventListener("beforeprint", () => pictures.forEach(showPicture));
}

function offerTheme() {
  const button = document.getElementById("theme");
  const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => (button.textContent = dark() ? "Light" : "Dark");
  button.hidden = false;
  name();
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    name();
  });
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

offerTheme();
offerCopies();
client.open().then(() => {
  watchPictures();
  return showTimeline();
});
