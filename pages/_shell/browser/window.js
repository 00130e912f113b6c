// What only the browser can do: take a file let go anywhere in the window, measure how wide the
// page is, tell its heading to screen readers, and keep the last sound of one's own until the page
// is loaded again.

const PLACE = '[data-testid="stFileUploader"] input[type="file"]';
const NARROW_PX = 600; // a chart narrower than this has no room for a colour bar at its side
const MOST_BYTES = 50_000_000;

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

function allow(event) {
  if (carriesFiles(event)) event.preventDefault(); // or the browser would open the file itself
}

// Hand files to the page's uploader, as if they had been chosen there.
function hand(files) {
  const input = document.querySelector(PLACE);
  if (!input) return false;
  const taken = new DataTransfer();
  files.slice(0, input.multiple ? undefined : 1).forEach((file) => taken.items.add(file));
  input.files = taken.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

function drop(event) {
  if (!carriesFiles(event)) return;
  const files = [...event.dataTransfer.files];
  if (event.target.closest?.('[data-testid="stFileUploader"]')) keep(files);
  else if (hand(files)) event.preventDefault();
}

function choose(event) {
  if (event.target.matches?.(PLACE)) keep([...event.target.files]);
}

// The last sound, in this browser only.
function store(mode, ask) {
  return new Promise((resolve) => {
    const opening = indexedDB.open("resona", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("sounds");
    opening.onerror = () => resolve(undefined);
    opening.onsuccess = () => {
      const asked = ask(opening.result.transaction("sounds", mode).objectStore("sounds"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(undefined);
    };
  });
}

function keep(files) {
  const isRecordings = document.querySelector(PLACE)?.multiple;
  if (files.length !== 1 || isRecordings || files[0].size > MOST_BYTES) return;
  store("readwrite", (sounds) => sounds.put(files[0], "last"));
}

let returned = ""; // what has been given back, so that it is not tried again and again

async function giveBack(name) {
  if (!name || returned === name) return;
  returned = name;
  const file = await store("readonly", (sounds) => sounds.get("last"));
  if (file?.name !== name) return;
  for (let tries = 0; tries < 50 && !hand([file]); tries += 1) {
    await new Promise((later) => setTimeout(later, 100)); // until the uploader is drawn
  }
}

// The page's heading is its answer: told to those who do not see it appear.
function speaker() {
  const found = document.getElementById("resona-says");
  if (found) return found;
  const made = document.body.appendChild(document.createElement("div"));
  made.id = "resona-says";
  made.setAttribute("role", "status");
  made.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
  return made;
}

function tell() {
  const heading = document.querySelector('[data-testid="stMain"] h1')?.textContent ?? "";
  const says = speaker();
  if (!heading.endsWith("...") && says.textContent !== heading) says.textContent = heading;
}

let width, heading;

export default function ({ data, setStateValue }) {
  let told = data.narrow;
  const column = document.querySelector('[data-testid="stMainBlockContainer"]');
  width?.disconnect(); // this runs again whenever the data change
  width = new ResizeObserver(([{ contentRect }]) => {
    const narrow = contentRect.width < NARROW_PX;
    if (contentRect.width && narrow !== told) setStateValue("narrow", (told = narrow));
  });
  width.observe(column);
  heading?.disconnect();
  heading = new MutationObserver(tell);
  heading.observe(column, { childList: true, subtree: true, characterData: true });
  tell();
  giveBack(data.wanted);
  window.addEventListener("dragover", allow);
  window.addEventListener("drop", drop, true);
  window.addEventListener("change", choose, true);
  return () => {
    width.disconnect();
    heading.disconnect();
    window.removeEventListener("dragover", allow);
    window.removeEventListener("drop", drop, true);
    window.removeEventListener("change", choose, true);
  };
}
