// The clip as a sequence of frames: a video, pictures, or time alone. Whatever it is, it says which frame is shown.

export class Clip {
  /** Calls `shown(frame)` with every new frame, `stopped()` when playing ends, `failed(why)` if nothing can be seen. */
  constructor(info, video, picture, { shown, stopped, failed }) {
    Object.assign(this, { times: info.times, video, picture, shown, stopped });
    this.kind = info.media.kind;
    this.frame = 0;
    this.playing = false;
    this.offset = 0; // a video's first frame need not be at 0 s
    video.hidden = this.kind !== "video";
    picture.hidden = this.kind !== "pictures";
    if (this.kind === "video") {
      video.addEventListener("error", () => this.giveUp(failed, "this browser cannot play the video's format"));
      video.addEventListener("seeked", () => this.settle());
      video.addEventListener("ended", () => {
        this.frame = this.count - 1; // a busy page may not have seen the last frames pass
        this.pause();
      });
      video.addEventListener("loadeddata", () => this.seek(this.frame), { once: true });
      video.requestVideoFrameCallback?.((_, { mediaTime }) => (this.offset = Math.min(mediaTime, this.step(0))));
      video.src = "video";
    } else if (this.kind === "none") failed(info.media.note);
  }

  get count() {
    return this.times.length;
  }

  seek(frame) {
    this.frame = Math.min(this.count - 1, Math.max(0, Math.round(frame)));
    if (this.kind === "pictures") this.picture.src = `pictures/${this.frame}`;
    // One seek at a time: while a pointer scrubs, only the last of its places counts.
    if (this.kind === "video" && !this.video.seeking) this.settle();
    this.shown(this.frame);
  }

  play() {
    if (this.playing) return;
    if (this.frame === this.count - 1) this.seek(0);
    this.playing = true;
    this.started = { at: performance.now() / 1000, time: this.times[this.frame] };
    if (this.kind === "video") this.video.play().catch(() => this.pause());
    requestAnimationFrame(() => this.tick());
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    if (this.kind === "video") this.video.pause();
    this.stopped();
    this.seek(this.frame);
  }

  tick() {
    if (!this.playing) return;
    const isVideo = this.kind === "video";
    const time = isVideo ? this.video.currentTime - this.offset : this.now();
    const frame = this.at(time);
    if (frame !== this.frame) {
      this.frame = frame;
      if (this.kind === "pictures") this.picture.src = `pictures/${frame}`;
      this.shown(frame);
    }
    if (!isVideo && time >= this.times[this.count - 1] + this.step(this.count - 1)) return this.pause();
    requestAnimationFrame(() => this.tick());
  }

  now() {
    return this.started.time + performance.now() / 1000 - this.started.at;
  }

  /** The frame that is on at a time: the last that has begun. */
  at(time) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= time + 1e-4) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How long a frame is on. */
  step(frame) {
    const next = Math.min(frame + 1, this.count - 1);
    return next > 0 ? this.times[next] - this.times[next - 1] : 0.04;
  }

  /** Send the video to the middle of the frame, where rounding cannot reach its neighbours. */
  settle() {
    if (this.playing) return;
    const wanted = this.times[this.frame] + this.offset + this.step(this.frame) / 2;
    if (Math.abs(this.video.currentTime - wanted) > 1e-3) this.video.currentTime = wanted;
  }

  giveUp(failed, why) {
    this.kind = "none";
    this.video.hidden = true;
    failed(why);
  }
}
