// The area to drop files on: sends each file to the kernel piece by piece, lists them, and lets their roles be chosen.

import { choice, element, hideStill } from "./canvas/dom.js";

const PIECE_OCTETS = 1 << 20; // well below the 10 MiB that a Jupyter server takes in one message

class DropArea {
  constructor(model, root) {
    this.model = model;
    this.waiting = new Map();
    this.next = 1;
    this.queue = Promise.resolve();
    this.build(root);
    model.on("msg:custom", (message) => this.acknowledged(message));
    for (const name of ["files", "done", "said"]) model.on(`change:${name}`, () => this.show());
    this.show();
  }

  build(root) {
    this.input = element("input", { type: "file", multiple: true, class: "forensics-file" });
    this.input.addEventListener("change", () => this.take(this.input.files));
    this.area = element(
      "label", { class: "forensics-drop" },
      element("b", {}, "Drop the files of a call here, or press to choose them"),
      element("span", {}, "A packet capture (.pcap, .pcapng), a recording (.wav, .flac, .webm, …); and, where there are any, DTLS keys, statistics, event log"),
      this.input,
    );
    for (const name of ["dragenter", "dragover"]) this.area.addEventListener(name, (event) => this.hover(event, true));
    for (const name of ["dragleave", "drop"]) this.area.addEventListener(name, (event) => this.hover(event, false));
    this.area.addEventListener("drop", (event) => this.take(event.dataTransfer.files));
    this.list = element("div", { class: "forensics-files" });
    this.bar = element("progress", { max: "1", "aria-label": "Progress", hidden: true });
    this.line = element("p", { class: "forensics-said", role: "status" });
    root.classList.add("forensics", "forensics-dropping");
    root.dataset.lmSuppressShortcuts = "true";
    root.append(this.area, this.list, this.bar, this.line);
  }

  hover(event, on) {
    event.preventDefault();
    event.stopPropagation();
    this.area.classList.toggle("forensics-over", on);
  }

  // One file after the other.
  take(files) {
    for (const file of [...files]) this.queue = this.queue.then(() => this.upload(file)).catch((error) => this.failed(file, error));
  }

  async upload(file) {
    this.bar.hidden = false;
    for (let at = 0; at === 0 || at < file.size; at += PIECE_OCTETS) {
      const piece = await file.slice(at, at + PIECE_OCTETS).arrayBuffer();
      this.bar.value = at / Math.max(file.size, 1);
      this.line.textContent = `Taking ${file.name}`;
      await this.send({ kind: "piece", name: file.name, at, last: at + PIECE_OCTETS >= file.size }, piece);
    }
    this.bar.hidden = true;
    this.line.textContent = "";
  }

  failed(file, error) {
    this.bar.hidden = true;
    this.line.textContent = `${file.name} was not taken: ${error.message}`;
  }

  send(message, piece) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.model.send({ ...message, id }, undefined, [piece]);
    });
  }

  acknowledged({ id, failed }) {
    const { resolve, reject } = this.waiting.get(id) ?? {};
    this.waiting.delete(id);
    if (failed) reject?.(new Error(failed));
    else resolve?.();
  }

  show() {
    const files = this.model.get("files");
    this.list.replaceChildren(...files.map((file, i) => this.row(file, i)));
    const done = this.model.get("done");
    this.bar.hidden = done < 0;
    if (done >= 0) this.bar.value = done;
    this.line.textContent = this.model.get("said");
  }

  row(file, i) {
    const roles = [["", "not used"], ...Object.entries(this.model.get("roles"))];
    const pick = choice(`What ${file.name} is`, roles, file.role, (role) => {
      this.model.set("files", this.model.get("files").map((each, j) => (j === i ? { ...each, role } : each)));
      this.model.save_changes();
    });
    const size = file.octets < 1e5 ? `${(file.octets / 1e3).toFixed(1)} kB` : `${(file.octets / 1e6).toFixed(1)} MB`;
    return element("div", { class: "forensics-file-row" }, element("b", {}, file.name), element("span", { class: "rule" }, size), pick);
  }
}

export function renderDropArea({ model, el }) {
  new DropArea(model, el.appendChild(element("div")));
  const rule = hideStill(model.get("still_id"));
  return () => rule.remove();
}

export default { render: renderDropArea };
