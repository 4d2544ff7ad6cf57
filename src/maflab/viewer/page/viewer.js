// The page: what is chosen on it, and what that changes.

import { Bodies } from "./bodies.js";
import { Clip } from "./clip.js";
import { Scene } from "./scene.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);

async function start() {
  const [info, faces] = await Promise.all([
    fetch("recording.json").then((answer) => answer.json()),
    fetch("faces").then(async (answer) => new Uint32Array(await answer.arrayBuffer())),
  ]);
  new Viewer(info, faces);
}

class Viewer {
  constructor(info, faces) {
    this.info = info;
    this.colours = info.tracks.map((track) => [1, 3, 5].map((i) => parseInt(track.colour.slice(i, i + 2), 16) / 255));
    this.chosen = null; // a track, or all
    this.stage = this.lastStage = Math.max(1, ...info.tracks.map((track) => track.stages)) - 1;
    this.bodies = new Bodies(info, faces);
    this.fit();
    this.scene = new Scene(info, faces, $("overlay"), $("space"));
    this.timeline = new Timeline($("lanes"), info, (frame) => this.clip.seek(frame));
    this.describe();
    this.people();
    this.iterations();
    this.controls();
    this.clip = new Clip(info, $("video"), $("picture"), {
      shown: () => this.update(),
      stopped: () => this.playing(false),
      failed: (why) => this.unseen(why),
    });
    this.clip.seek(0);
  }

  /** Pose and draw the frame that is due; while that is under way, only the latest wish is remembered. */
  async update() {
    const { clip, info } = this;
    $("frame").value = clip.frame;
    $("time").textContent = `${clip.frame + 1} / ${clip.count} · ${info.times[clip.frame].toFixed(2)} s`;
    this.timeline.show(clip.frame, this.chosen);
    if (this.busy) return void (this.again = true);
    this.busy = true;
    const { frame } = clip;
    const { stage, chosen } = this;
    const tracks = info.tracks.map((_, number) => number).filter((number) => chosen === null || chosen === number);
    try {
      const shapes = await Promise.all(tracks.map((track) => this.bodies.shape(track, frame, stage)));
      const people = tracks.map((track, i) => ({ track, colour: this.colours[track], shape: shapes[i] }));
      this.scene.show(frame, people.filter(({ shape }) => shape));
      if (!document.body.dataset.shown) this.scene.home();
      document.body.dataset.shown = `${frame} ${stage} ${chosen ?? "all"}`;
      if (clip.playing) tracks.forEach((track) => this.bodies.prefetch(track, frame + info.block, stage));
      this.complain("");
    } catch (error) {
      this.complain(`The server does not answer (${error.message}): is it still running?`);
    }
    this.busy = false;
    if (this.again) {
      this.again = false;
      this.update();
    }
  }

  describe() {
    const { info } = this;
    const [width, height] = info.size;
    const rate = info.rate ? ` · ${Number(info.rate.toFixed(2))} fps` : "";
    document.title = `${info.source} · maflab`;
    $("source").textContent = info.source;
    $("facts").textContent =
      `${width} × ${height}${rate} · ${info.times.length} frames · body ${info.body} · ` +
      `focal length ${Math.round(info.focal[0])} px (${info.focal_source})`;
    $("place").textContent = info.world ? "world of the camera path" : "in the camera's space";
    for (const { name, bytes } of info.downloads) {
      const link = document.createElement("a");
      Object.assign(link, { href: `files/${encodeURIComponent(name)}`, download: name.split("/").pop() });
      const size = document.createElement("small");
      size.textContent = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
      link.append(name, size);
      $("files").append(link);
    }
  }

  people() {
    const add = (label, colour, track) => {
      const button = Object.assign(document.createElement("button"), { textContent: label });
      if (colour) button.style.setProperty("--colour", colour);
      button.addEventListener("click", () => this.choose(track));
      button.dataset.track = track ?? "all";
      $("people").append(button);
    };
    if (this.info.tracks.length !== 1) add(this.info.tracks.length ? "All" : "Nobody", "", null);
    this.info.tracks.forEach((track, number) => add(`Person ${track.identity}`, track.colour, number));
    this.choose(null);
  }

  choose(track) {
    this.chosen = track;
    const alone = this.info.tracks.length === 1;
    for (const button of $("people").children)
      button.setAttribute("aria-pressed", alone || button.dataset.track === String(track ?? "all"));
    if (this.clip) this.update();
  }

  iterations() {
    const { lastStage } = this;
    const slider = $("stage");
    Object.assign(slider, { max: lastStage, value: lastStage, disabled: lastStage === 0 });
    const marks = ["mean", ...Array.from({ length: Math.max(0, lastStage - 1) }, (_, i) => `${i + 1}`), "result"];
    for (const mark of lastStage ? marks : ["result"])
      $("marks").append(Object.assign(document.createElement("span"), { textContent: mark }));
    if (!lastStage) slider.title = "This result was saved without the estimates of each iteration";
    slider.addEventListener("input", () => {
      this.stage = Number(slider.value);
      this.update();
    });
  }

  controls() {
    const { scene } = this;
    $("frame").max = this.info.times.length - 1;
    $("frame").addEventListener("input", () => this.clip.seek(Number($("frame").value)));
    $("play").addEventListener("click", () => this.toggle());
    for (const name of ["mesh", "skeleton"]) {
      $(name).addEventListener("change", () => {
        scene.look[name] = $(name).checked;
        scene.redraw();
      });
    }
    $("over").addEventListener("change", () => {
      scene.look.overlay = $("over").checked;
      $("overlay").hidden = !$("over").checked;
      scene.redraw();
    });
    $("home").addEventListener("click", () => scene.home());
    const views = { front: [0, 0.05], side: [Math.PI / 2, 0.05], top: [0, 1.55] };
    for (const [name, view] of Object.entries(views))
      $(name).addEventListener("click", () => {
        scene.home();
        scene.orbit.place(...view, scene.orbit.distance);
      });
    document.addEventListener("keydown", (event) => {
      if (event.target.closest("input, button, a")) return;
      const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
      if (event.key === " ") this.toggle();
      else if (event.key in steps) this.clip.seek(this.clip.frame + steps[event.key]);
      else return;
      event.preventDefault();
    });
    new ResizeObserver(() => this.fit()).observe($("screen"));
  }

  toggle() {
    if (this.clip.playing) return this.clip.pause();
    this.clip.play();
    this.playing(true);
  }

  playing(yes) {
    $("play").setAttribute("aria-label", yes ? "Pause" : "Play");
    $("play").classList.toggle("on", yes);
  }

  /** The clip's picture as large as the panel allows, in its own proportions. */
  fit() {
    const [width, height] = this.info.size;
    const { clientWidth, clientHeight } = $("screen");
    const scale = Math.min(clientWidth / width, clientHeight / height);
    Object.assign($("shot").style, { width: `${width * scale}px`, height: `${height * scale}px` });
  }

  unseen(why) {
    $("unseen").textContent = why;
    $("unseen").hidden = false;
  }

  complain(text) {
    $("complaint").textContent = text;
    $("complaint").hidden = !text;
  }
}

start().catch((error) => {
  $("complaint").textContent = error.message;
  $("complaint").hidden = false;
});
