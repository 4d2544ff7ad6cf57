// A lane for each person: when they are in the clip, paler where nothing was detected, with the cuts between shots.

const LANE = 10;
const GAP = 4;

export class Timeline {
  /** `sought(frame)` is called when a frame is pointed at. */
  constructor(canvas, info, sought) {
    this.canvas = canvas;
    this.info = info;
    this.frame = 0;
    this.chosen = null;
    canvas.style.height = `${Math.min(90, Math.max(1, info.tracks.length) * (LANE + GAP) + GAP)}px`;
    const seek = (event) => {
      if (!(event.buttons & 1)) return;
      const box = canvas.getBoundingClientRect();
      sought(((event.clientX - box.left) / box.width) * info.times.length - 0.5);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      seek(event);
    });
    canvas.addEventListener("pointermove", seek);
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(frame, chosen) {
    Object.assign(this, { frame, chosen });
    this.draw();
  }

  draw() {
    const { canvas, info } = this;
    const scale = devicePixelRatio;
    canvas.width = canvas.clientWidth * scale;
    canvas.height = canvas.clientHeight * scale;
    const pen = canvas.getContext("2d");
    const width = canvas.width / info.times.length; // of a frame
    const lane = Math.min((LANE + GAP) * scale, canvas.height / Math.max(1, info.tracks.length));
    info.tracks.forEach((track, number) => {
      const top = number * lane + (GAP / 2) * scale;
      const bars = (runs, alpha) => {
        pen.globalAlpha = this.chosen === null || this.chosen === number ? alpha : alpha * 0.3;
        for (const [first, count] of runs)
          pen.fillRect(first * width, top, Math.max(count * width, scale), lane - GAP * scale);
      };
      pen.fillStyle = track.colour;
      bars(track.runs, 0.85);
      pen.fillStyle = "#14181f";
      bars(track.filled, 0.55);
    });
    pen.globalAlpha = 0.6;
    pen.fillStyle = "#8a94a3";
    for (const first of info.shots.slice(1)) pen.fillRect(first * width - scale / 2, 0, scale, canvas.height);
    pen.globalAlpha = 1;
    pen.fillStyle = "#ffffff";
    pen.fillRect((this.frame + 0.5) * width - scale, 0, 2 * scale, canvas.height);
  }
}
