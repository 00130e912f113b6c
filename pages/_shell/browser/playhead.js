// The player knows where it is: while a sound plays, a line moves over the charts that show it. A
// click in such a chart goes there, the space bar plays and pauses, a stretch zoomed into repeats.
//
// Which second of which sound a chart or a player begins with is written there by playhead.py. Both
// are looked up at every moment, because a rerun of the page may have replaced them.

const PLAYS = /st-key-plays_[a-z]+_(\d+)_(\S+)/;
const PLACE = '[class*="st-key-plays_"]';
const CLICK_PX = 8; // Plotly takes a longer way for a drag
const DOUBLE_CLICK_MS = 300;
const RESTING_MS = 200; // how soon the line of a resting player follows a zoom
const HAS_KEYS =
  'a, button, input, textarea, select, summary, audio, video, canvas, [contenteditable="true"], ' +
  ["button", "checkbox", "combobox", "grid", "menuitem", "option", "radio", "slider", "switch", "tab", "textbox"]
    .map((role) => `[role="${role}"]`)
    .join(", ");
const LINE =
  "position:absolute;left:0;width:2px;background:#fff;box-shadow:0 0 0 1px rgba(0,0,0,.6);" +
  "pointer-events:none;will-change:transform";

const players = () => [...document.querySelectorAll(`${PLACE} audio`)];
const charts = () =>
  [...document.querySelectorAll(".js-plotly-plot")].filter((chart) => chart._fullLayout?.meta?.sound);

function playedBy(audio) {
  const [, start_ms, sound] = audio.closest(PLACE).className.match(PLAYS);
  return { sound, start_s: start_ms / 1000 };
}

// A chart's time axis in seconds of its sound. Every such axis begins at its `minallowed`; the one
// with times of day counts in milliseconds.
function timeAxis(chart) {
  const { meta, xaxis } = chart._fullLayout;
  const second = xaxis.type === "date" ? 1000 : 1;
  const zero = xaxis.r2l(xaxis.minallowed) - second * meta.start_s;
  const seconds = (position) => (position - zero) / second;
  const [from_s, to_s] = xaxis.range.map((end) => seconds(xaxis.r2l(end)));
  const all_s = seconds(xaxis.r2l(xaxis.maxallowed)) - meta.start_s;
  return {
    from_s,
    to_s,
    zoomed: to_s - from_s < 0.999 * all_s,
    left_px: (time_s) => xaxis._offset + xaxis.l2p(zero + second * time_s),
    time_s: (left_px) => seconds(xaxis.p2l(left_px - xaxis._offset)),
  };
}

let player = null; // the one last played or moved

// The stretch that a chart of the player's sound is zoomed into, in seconds of the player.
function stretch() {
  const { sound, start_s } = playedBy(player);
  const axes = charts().filter((chart) => chart._fullLayout.meta.sound === sound).map(timeAxis);
  const axis = axes.find(({ zoomed }) => zoomed);
  return axis && { from_s: Math.max(0, axis.from_s - start_s), to_s: axis.to_s - start_s };
}

function repeat() {
  const part = player.paused ? undefined : stretch();
  if (part && part.to_s > 0 && player.currentTime >= part.to_s) player.currentTime = part.from_s;
}

function lineOf(chart) {
  const found = chart.querySelector(".resona-playhead");
  if (found) return found;
  const made = chart.querySelector(".svg-container").appendChild(document.createElement("div"));
  made.className = "resona-playhead";
  made.setAttribute("aria-hidden", "true");
  made.style.cssText = LINE;
  return made;
}

function draw() {
  const played = player && playedBy(player);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches && !player?.paused;
  for (const chart of charts()) {
    const axis = timeAxis(chart);
    const heard_s = calm ? Math.floor(player.currentTime) : player?.currentTime; // steps, no glide
    const time_s = played?.start_s + heard_s;
    const line = lineOf(chart);
    line.hidden =
      played?.sound !== chart._fullLayout.meta.sound || !(axis.from_s <= time_s && time_s <= axis.to_s);
    if (line.hidden) continue;
    const { t, h } = chart._fullLayout._size;
    line.style.top = `${t}px`;
    line.style.height = `${h}px`;
    line.style.transform = `translateX(${axis.left_px(time_s) - 1}px)`;
  }
}

let frame, pause;

function stop() {
  cancelAnimationFrame(frame);
  clearTimeout(pause);
}

function follow() {
  stop();
  if (player && !players().includes(player)) player = null;
  if (player) repeat();
  draw();
  if (player && !player.paused) frame = requestAnimationFrame(follow);
  else if (player) pause = setTimeout(follow, RESTING_MS);
}

// Media events do not bubble, but on their way down they pass the document.
function hear({ type, target }) {
  if (!players().includes(target)) return;
  const other = target !== player && player?.paused === false;
  if (type === "play" || (type === "seeking" && target.currentTime && !other)) player = target;
  if (target !== player) return;
  const part = type === "play" || type === "ended" ? stretch() : undefined;
  if (part && !(part.from_s <= player.currentTime && player.currentTime < part.to_s)) {
    player.currentTime = part.from_s;
  }
  if (part && type === "ended") play(player);
  follow(); // also where no frames are drawn, in a hidden tab
}

function play(audio) {
  audio.play().catch(() => {}); // the player itself shows what the browser cannot play
}

let pressed = null, clicked = null;

const near = (event, { x, y }) => Math.hypot(event.clientX - x, event.clientY - y) < CLICK_PX;

function press(event) {
  const chart = event.target.closest?.(".nsewdrag")?.closest(".js-plotly-plot");
  const plain = event.isPrimary && event.button === 0;
  pressed = plain && charts().includes(chart) ? { chart, x: event.clientX, y: event.clientY } : null;
}

function release(event) {
  if (pressed && near(event, pressed)) {
    const isSecond = clicked && event.timeStamp - clicked.at < DOUBLE_CLICK_MS && near(event, clicked);
    if (isSecond) clicked.undo(); // a double click ends the zoom, no more
    else goTo(pressed.chart, event);
    document.activeElement?.blur(); // which Plotly prevents: the space bar is the player's now
  }
  pressed = null;
}

function goTo(chart, event) {
  const time_s = timeAxis(chart).time_s(event.clientX - chart.getBoundingClientRect().left);
  const fitting = players().filter((audio) => {
    const { sound, start_s } = playedBy(audio);
    const own_s = time_s - start_s;
    return sound === chart._fullLayout.meta.sound && own_s >= 0 && own_s <= (audio.duration || Infinity);
  });
  const audio = fitting.find((each) => each === player) ?? fitting[0];
  if (!audio) return;
  const before_s = audio.currentTime;
  const undo = () => (audio.currentTime = before_s);
  clicked = { at: event.timeStamp, x: event.clientX, y: event.clientY, undo };
  player = audio;
  audio.currentTime = time_s - playedBy(audio).start_s;
  follow();
}

function type(event) {
  const plain = event.key === " " && !(event.ctrlKey || event.altKey || event.metaKey || event.shiftKey);
  if (!plain || event.defaultPrevented || event.target.closest?.(HAS_KEYS)) return;
  const audio = players().find((each) => each === player) ?? players()[0];
  if (!audio) return;
  event.preventDefault(); // or the page would scroll
  if (event.repeat) return;
  if (audio.paused) play(audio);
  else audio.pause();
}

const MEDIA = ["play", "pause", "seeking", "timeupdate", "ended"];

export default function () {
  MEDIA.forEach((kind) => document.addEventListener(kind, hear, true));
  document.addEventListener("pointerdown", press, true);
  document.addEventListener("pointerup", release, true);
  document.addEventListener("keydown", type);
  return () => {
    stop();
    MEDIA.forEach((kind) => document.removeEventListener(kind, hear, true));
    document.removeEventListener("pointerdown", press, true);
    document.removeEventListener("pointerup", release, true);
    document.removeEventListener("keydown", type);
    document.querySelectorAll(".resona-playhead").forEach((line) => line.remove());
  };
}
