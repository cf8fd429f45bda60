// Listening: which of the call's sounds is played, from where, how fast, again and again or once.

import { showPlaying, showSound } from "./panel.js";
import { Player } from "./player.js";

export class Listening {
  constructor(timeline) {
    this.timeline = timeline;
    this.sound = timeline.client.playable[0] ?? null;
    this.looping = false;
    this.player = new Player(timeline.client, (t) => timeline.played(t), () => showPlaying(timeline));
  }

  get playing() {
    return this.player.playing;
  }

  toggle() {
    if (!this.sound) return;
    const { range, cursor } = this.timeline;
    if (this.playing) this.stop();
    else this.playFrom(range ? range[0] : cursor);
  }

  stop() {
    this.player.stop();
    showPlaying(this.timeline);
  }

  playFrom(from) {
    const { range, axis } = this.timeline;
    const end = range && from < range[1] ? range[1] : axis.full.end;
    const start = from >= end - 0.01 ? axis.full.start : from;
    this.player.play(this.sound, start, end, Boolean(this.looping && range)).catch((error) => this.failed(error));
    showPlaying(this.timeline);
  }

  // What plays goes on from the cursor: it was set elsewhere, or something about the sound changed.
  followCursor() {
    if (this.playing) this.playFrom(this.timeline.cursor);
  }

  failed(error) {
    this.stop();
    this.timeline.live.textContent = `This sound cannot be played: ${error.message}`;
  }

  // Between as heard and as sent, at the same place: A/B.
  swap() {
    const { playable } = this.timeline.client;
    if (playable.includes("heard") && playable.includes("sent")) this.choose(this.sound === "heard" ? "sent" : "heard");
  }

  choose(name) {
    this.sound = name;
    showSound(this.timeline);
    this.followCursor();
  }

  setSpeed(speed) {
    this.player.speed = speed;
    this.followCursor();
  }

  toggleLoop() {
    this.looping = !this.looping;
    this.timeline.loopButton?.setAttribute("aria-pressed", String(this.looping));
    this.followCursor();
  }
}
