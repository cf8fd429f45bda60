// Plays a sound of the timeline, piece by piece, and says where it is.

const PIECE_S = 8;
const AHEAD_S = 3;

export class Player {
  constructor(client, moved, ended) {
    this.client = client;
    this.moved = moved;
    this.ended = ended;
    this.run = null;
    this.speed = 1;
  }

  get playing() {
    return this.run !== null;
  }

  // Play `name` from `start` to `end`; with `loop`, again and again. Replaces what is playing.
  async play(name, start, end, loop = false) {
    this.stop();
    const run = { name, start, end, loop, next: start, at: 0, nodes: [], anchor: null, speed: this.speed };
    this.run = run;
    this.context ??= new AudioContext();
    await this.context.resume();
    await this.feed(run);
    if (this.run === run) this.tick(run);
  }

  stop() {
    if (!this.run) return;
    this.run.nodes.forEach((node) => node.stop());
    this.run = null;
  }

  async feed(run) {
    if (run.feeding || run.next >= run.end) return;
    run.feeding = true;
    const seconds = Math.min(PIECE_S, run.end - run.next);
    const { rate, samples } = await this.client.clip(run.name, run.next, seconds);
    run.feeding = false;
    if (this.run === run && samples.length) this.schedule(run, rate, samples, seconds);
  }

  schedule(run, rate, samples, seconds) {
    const buffer = this.context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const node = this.context.createBufferSource();
    node.buffer = buffer;
    node.playbackRate.value = run.speed;
    node.connect(this.context.destination);
    run.anchor ??= this.context.currentTime + 0.04;
    node.start(run.anchor + (run.next - run.start) / run.speed);
    run.nodes.push(node);
    run.next += seconds;
  }

  tick(run) {
    if (this.run !== run) return;
    const t = run.anchor === null ? run.start : run.start + Math.max(0, this.context.currentTime - run.anchor) * run.speed;
    if (t >= run.end) return this.finish(run);
    if (run.next - t < AHEAD_S * run.speed) this.feed(run);
    this.moved(t);
    requestAnimationFrame(() => this.tick(run));
  }

  finish(run) {
    if (run.loop) return this.play(run.name, run.start, run.end, true);
    this.stop();
    this.moved(run.end);
    return this.ended();
  }
}
