// What only the browser knows: files let go anywhere in the window, and how wide the page is.

const PLACE = '[data-testid="stFileUploader"] input[type="file"]';
const NARROW_PX = 600; // a chart narrower than this has no room for a colour bar at its side

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

function allow(event) {
  if (carriesFiles(event)) event.preventDefault(); // or the browser would open the file itself
}

// A file that is let go anywhere goes to the page's uploader.
function drop(event) {
  const input = document.querySelector(PLACE);
  const elsewhere = !event.target.closest?.('[data-testid="stFileUploader"]');
  if (!carriesFiles(event) || !input || !elsewhere) return;
  event.preventDefault();
  const files = new DataTransfer();
  const taken = [...event.dataTransfer.files].slice(0, input.multiple ? undefined : 1);
  taken.forEach((file) => files.items.add(file));
  input.files = files.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

export default function ({ data, setStateValue }) {
  let told = data.narrow;
  const column = document.querySelector('[data-testid="stMainBlockContainer"]');
  const width = new ResizeObserver(([{ contentRect }]) => {
    const narrow = contentRect.width < NARROW_PX;
    if (contentRect.width && narrow !== told) setStateValue("narrow", (told = narrow));
  });
  width.observe(column);
  window.addEventListener("dragover", allow);
  window.addEventListener("drop", drop);
  return () => {
    width.disconnect();
    window.removeEventListener("dragover", allow);
    window.removeEventListener("drop", drop);
  };
}
