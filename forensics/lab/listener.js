// The listener of the call lab: one peer connection, its audio as the jitter buffer gave it, its statistics.
// The recorder calls `listener.offer()`, `.accept()`, `.speak()`, `.finish()`; nothing here speaks to the network
// but the peer connection itself.
"use strict";

const STATS_EVERY_MS = 100;
const ALL_STATS_EVERY = 10; // every tenth time, the rest of the report as well
const AT_ONCE = new Set(["inbound-rtp", "media-playout"]);

const now = () => performance.timeOrigin + performance.now(); // ms since 1970

/** Keeps what a track delivers: 16 bit samples, and when each block came. */
class TrackRecorder {
  constructor(track) {
    this.blocks = [];
    this.arrivals = []; // [samples so far, ms since 1970, media timestamp in µs, rate in Hz]
    this.samples = 0;
    this.running = this.#read(new MediaStreamTrackProcessor({ track, maxBufferSize: 1000 }).readable.getReader());
  }

  async #read(reader) {
    for (;;) {
      const { value: data, done } = await reader.read();
      if (done) return;
      this.arrivals.push([this.samples, now(), data.timestamp, data.sampleRate]);
      const floats = new Float32Array(data.numberOfFrames);
      data.copyTo(floats, { planeIndex: 0, format: "f32-planar" });
      this.blocks.push(Int16Array.from(floats, (x) => Math.max(-32768, Math.min(32767, Math.round(x * 32768)))));
      this.samples += floats.length;
      data.close();
    }
  }

  result() {
    const all = new Int16Array(this.samples);
    let at = 0;
    for (const block of this.blocks) {
      all.set(block, at);
      at += block.length;
    }
    return { arrivals: this.arrivals, pcm: base64(new Uint8Array(all.buffer)) };
  }
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

const listener = {
  connection: null,
  heard: null,
  spoken: null,
  stats: [],
  timer: 0,

  /** Make the offer; the first codec of the list is the one that the call will use. */
  async offer(codec) {
    const connection = new RTCPeerConnection();
    this.connection = connection;
    connection.ontrack = ({ track, streams }) => {
      document.getElementById("loudspeaker").srcObject = streams[0] ?? new MediaStream([track]);
      this.heard = new TrackRecorder(track);
    };
    const transceiver = connection.addTransceiver("audio", { direction: "sendrecv" });
    const codecs = RTCRtpReceiver.getCapabilities("audio").codecs;
    const chosen = codecs.filter((c) => c.mimeType.toLowerCase() === `audio/${codec}`);
    transceiver.setCodecPreferences(chosen);
    await connection.setLocalDescription(await connection.createOffer());
    await new Promise((resolve) => {
      if (connection.iceGatheringState === "complete") resolve();
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState === "complete") resolve();
      });
    });
    return connection.localDescription.sdp;
  },

  /** Take the answer and wait until media may flow. */
  async accept(sdp) {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
    await new Promise((resolve, reject) => {
      const look = () => {
        if (this.connection.connectionState === "connected") resolve();
        if (this.connection.connectionState === "failed") reject(new Error("the peer connection failed"));
      };
      this.connection.addEventListener("connectionstatechange", look);
      look();
    });
    let turn = 0;
    this.timer = setInterval(async () => {
      const t = now() / 1000;
      const all = turn++ % ALL_STATS_EVERY === 0;
      const reports = [...(await this.connection.getStats()).values()];
      this.stats.push({ t, reports: reports.filter((report) => all || AT_ONCE.has(report.type)) });
    }, STATS_EVERY_MS);
  },

  /** Open the microphone and speak into the call; resolves to when its first sound came, in ms since 1970. */
  async speak() {
    const audio = { echoCancellation: false, autoGainControl: false, noiseSuppression: false };
    const [track] = (await navigator.mediaDevices.getUserMedia({ audio })).getAudioTracks();
    this.spoken = new TrackRecorder(track.clone());
    await this.connection.getTransceivers()[0].sender.replaceTrack(track);
    while (this.spoken.arrivals.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.spoken.arrivals[0][1];
  },

  /** End the call and hand over everything that was recorded. */
  async finish() {
    clearInterval(this.timer);
    const result = { heard: this.heard?.result(), spoken: this.spoken?.result(), stats: this.stats };
    this.connection.close();
    return result;
  },
};
