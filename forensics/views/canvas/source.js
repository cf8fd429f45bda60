// Where the data comes from: the kernel behind a widget, or what a report carries. Tiles are asked for once, in batches.

const KEPT_TILES = 600;
const MOST_TRIES = 3; // a tile that the kernel refuses is asked for no more than this

export class TileStore {
  constructor(client, arrived) {
    this.client = client;
    this.arrived = arrived;
    this.tiles = new Map();
    this.wanted = new Set();
    this.pending = new Set();
    this.refused = new Map();
  }

  // Whether anything is on its way.
  get busy() {
    return this.pending.size + this.wanted.size > 0;
  }

  // Whether a tile of one of these kinds is on its way.
  busyWith(...kinds) {
    return [...this.pending, ...this.wanted].some((key) => kinds.includes(key.split("/")[1]));
  }

  // The tile if it is here; else undefined, and it is asked for at the end of this frame.
  get(key) {
    const tile = this.tiles.get(key) ?? this.take(key);
    if (tile === undefined && !this.pending.has(key) && this.client.has(key) && !this.hopeless(key)) this.wanted.add(key);
    return tile;
  }

  // What the client has at hand needs no asking.
  take(key) {
    const tile = this.client.now?.(key);
    if (tile) this.tiles.set(key, tile);
    return tile;
  }

  peek(key) {
    return this.tiles.get(key);
  }

  hopeless(key) {
    return (this.refused.get(key) ?? 0) >= MOST_TRIES;
  }

  // Ask for everything that is wanted; what takes long is asked for apart, so that the rest need not wait.
  flush() {
    const keys = [...this.wanted];
    this.wanted.clear();
    keys.forEach((key) => this.pending.add(key));
    const slow = (key) => key.split("/")[1] === "activity";
    this.fetch(keys.filter((key) => !slow(key)));
    keys.filter(slow).forEach((key) => this.fetch([key]));
  }

  async fetch(keys) {
    if (!keys.length) return;
    try {
      for (const [key, tile] of await this.client.tiles(keys)) this.tiles.set(key, tile);
    } catch (error) {
      keys.forEach((key) => this.refused.set(key, (this.refused.get(key) ?? 0) + 1));
      console.warn(`Not drawn: ${error.message}`);
    } finally {
      keys.forEach((key) => this.pending.delete(key));
    }
    this.forget();
    this.arrived();
  }

  forget() {
    for (const key of this.tiles.keys()) {
      if (this.tiles.size <= KEPT_TILES) return;
      this.tiles.delete(key);
    }
  }
}

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int16: Int16Array, float32: Float32Array, float64: Float64Array };

export function typedArray(dtype, bytes) {
  const whole = bytes instanceof DataView ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  return new TYPES[dtype](whole.slice().buffer);
}

// Asks the kernel over the widget's own messages; every answer names the request that it belongs to.
export class KernelClient {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.next = 1;
    this.listener = (message, buffers) => this.receive(message, buffers);
    model.on("msg:custom", this.listener);
  }

  async open() {
    const { content, arrays } = await this.ask({ kind: "open" });
    this.header = content.header;
    this.arrays = arrays;
    this.playable = Object.keys(this.header.sounds);
    this.scales = ["mel", "linear"];
  }

  has() {
    return true;
  }

  async tiles(keys) {
    const { arrays } = await this.ask({ kind: "tiles", keys });
    return Object.entries(arrays).map(([key, data]) => [key, { data }]);
  }

  async clip(name, start, seconds) {
    const { content, arrays } = await this.ask({ kind: "clip", name, start_s: start, seconds });
    return { rate: content.rate_hz, samples: Float32Array.from(arrays.samples, (v) => v / 32767) };
  }

  close() {
    this.model.off("msg:custom", this.listener);
  }

  ask(message) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.model.send({ ...message, id });
    });
  }

  receive(content, buffers) {
    if (!this.waiting.has(content.id)) return;
    const { resolve, reject } = this.waiting.get(content.id);
    this.waiting.delete(content.id);
    if (content.failed) return reject(new Error(content.failed));
    const arrays = Object.fromEntries(content.arrays.map((a, i) => [a.name, typedArray(a.dtype, buffers[i])]));
    return resolve({ content, arrays });
  }
}

// Reads what a page carries: {header, arrays: {name: {dtype, packed, text}}, tiles: {…}, audio: {name: {start_s, text}}}.
export class PageClient {
  constructor(page) {
    this.page = page;
    this.header = page.header;
    this.scales = page.scales;
    this.playable = Object.keys(page.audio);
    this.decoded = new Map();
    this.unpacked = new Map();
  }

  // Unpack every tile ahead of its use, one after the other, so that nothing has to be waited for.
  async warm() {
    for (const key of Object.keys(this.page.tiles)) await this.tile(key);
  }

  now(key) {
    return this.unpacked.get(key);
  }

  async tile(key) {
    if (!this.unpacked.has(key)) this.unpacked.set(key, { data: await unpack(this.page.tiles[key]) });
    return this.unpacked.get(key);
  }

  async open() {
    const entries = await Promise.all(Object.entries(this.page.arrays).map(async ([name, a]) => [name, await unpack(a)]));
    this.arrays = Object.fromEntries(entries);
  }

  has(key) {
    return key in this.page.tiles;
  }

  tiles(keys) {
    return Promise.all(keys.map(async (key) => [key, await this.tile(key)]));
  }

  async clip(name, start, seconds) {
    if (!this.decoded.has(name)) this.decoded.set(name, decodeAudio(this.page.audio[name]));
    const { rate, samples, at } = await this.decoded.get(name);
    const first = Math.round((start - at) * rate);
    const out = new Float32Array(Math.round(seconds * rate));
    const begin = Math.max(first, 0);
    out.set(samples.subarray(begin, Math.max(first + out.length, begin)), begin - first);
    return { rate, samples: out };
  }

  close() {}
}

async function decodeAudio({ start_s, text }) {
  const context = new OfflineAudioContext(1, 1, 48000);
  const buffer = await context.decodeAudioData(fromBase64(text).buffer);
  return { rate: buffer.sampleRate, samples: buffer.getChannelData(0), at: start_s };
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

async function unpack({ dtype, packed, text }) {
  const bytes = fromBase64(text);
  if (!packed) return typedArray(dtype, bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return typedArray(dtype, new Uint8Array(await new Response(stream).arrayBuffer()));
}
