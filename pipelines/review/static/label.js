// The page on which pairs are judged.
import { Turns } from "./turns.js";

const find = (id) => document.getElementById(id);
const root = find("label"), lane = root.dataset.lane;
const SLOTS = ["left-object", "right-object", "left-photograph", "right-photograph"];
const ALT = { "left-object": "Left object", "left-photograph": "Photograph around the left object",
  "right-object": "Right object", "right-photograph": "Photograph around the right object" };
const KEYS = { a: "same", x: "different", d: "duplicate", " ": "unsure" };
const DONE = { pass: "The gate is decided and passes", fail: "The gate is decided and fails" };
let shown, since = 0, state;

const turns = new Turns({
  read: `/label/turns?lane=${lane}`,
  write: `/label/actions?lane=${lane}`,
  store: `label ${lane} ${root.dataset.rater}`,
  hooks: { show, tell, prepare, saving: (text) => { find("saving").textContent = text; }, refused: say },
});

function prepare(turn) {
  turn.loading ??= load(turn).then(() => { turn.ready = true; }, () => { turn.failed = true; });
}

async function load(turn) {
  // Answers go first: a browser opens few connections at once.
  const reply = await fetch(`/label/pictures/${turn.id}`, { priority: "low" });
  if (!reply.ok) throw new Error(reply.status);
  const data = await reply.arrayBuffer(), head = new DataView(data);
  let start = 4 * SLOTS.length;
  turn.pictures = SLOTS.map((slot, number) => {
    const end = start + head.getUint32(4 * number);
    const picture = new Image();
    picture.alt = ALT[slot];
    picture.src = URL.createObjectURL(new Blob([data.slice(start, end)]));
    start = end;
    return picture;
  });
  await Promise.all(turn.pictures.map((picture) => picture.decode()));
  for (const picture of turn.pictures) URL.revokeObjectURL(picture.src);
}

function show(turn) {
  shown = undefined;
  find("empty").hidden = Boolean(turn) || !state;
  find("pair").hidden = !turn && Boolean(state);
  find("flag").setAttribute("aria-pressed", Boolean(turn?.flagged));
  for (const button of root.querySelectorAll("[data-word], #flag")) button.disabled = !turn;
  find("undo").disabled = !turns.behind.length;
  if (!turn) return;
  find("pair").setAttribute("aria-busy", "true");
  turns.present(turn, lay, () => say("A picture of this pair could not be loaded: reload the page."));
}

function lay(turn) {
  SLOTS.forEach((slot, number) => find(slot).replaceChildren(turn.pictures[number]));
  find("pair").setAttribute("aria-busy", "false");
  shown = turn;
  since = performance.now();
}

function tell(now) {
  state = now;
  find("progress").max = Math.max(now.queue, 1);
  find("progress").value = now.answered;
  const decided = DONE[now.word] && `${DONE[now.word]}: ${now.sentence}.`;
  find("forecast").textContent = decided ?? `${now.answered} of ${now.queue} answered. ${capital(now.forecast)}.`;
  find("again").hidden = !now.again;
  find("again").textContent = capital(now.again);
  if (now.repaired) say(now.repaired);
  find("empty").textContent = lane === "disputed" ? "No disputed pair is left for you." : decided
    ? "Nothing is left for you."
    : "Every pair of the queue is answered, and the gate is still undecided: run again for further pairs.";
  if (!turns?.current) show(undefined);
}

function answer(word, pressed) {
  if (!shown) return say(turns.current ? "The pair is not shown yet: that key does not count." : "");
  const milliseconds = Math.round(performance.now() - since);
  say(capital(word));
  turns.answer({ word, milliseconds });
  measured(pressed);
}

function measured(pressed) {
  const next = shown;
  if (next) requestAnimationFrame(() => setTimeout(() => performance.measure("key to next pair", { start: pressed, end: performance.now() })));
}

function undo(pressed) {
  const turn = turns.undo();
  say(turn ? `Taken back: ${turn.answer}` : "There is no answer to take back.");
  if (turn) measured(pressed);
}

function flag() {
  if (!shown) return;
  shown.flagged = !shown.flagged;
  find("flag").setAttribute("aria-pressed", shown.flagged);
  turns.queue({ do: shown.flagged ? "flag" : "unflag", turn: shown.id });
  say(shown.flagged ? "Flagged" : "No longer flagged");
}

function say(text) { find("said").textContent = text; }
function capital(text) { return text.charAt(0).toUpperCase() + text.slice(1); }

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea, summary")) return;
  const key = event.key.toLowerCase();
  if (!(key in KEYS) && key !== "backspace" && key !== "f") return;
  event.preventDefault();
  if (event.repeat) return;
  if (key in KEYS) answer(KEYS[key], event.timeStamp);
  else if (key === "f") flag();
  else undo(event.timeStamp);
});
addEventListener("keyup", (event) => { if (event.key === " " && event.target.matches("button")) event.preventDefault(); });
for (const button of root.querySelectorAll("[data-word]")) {
  button.addEventListener("click", (event) => answer(button.dataset.word, event.timeStamp));
}
find("undo").addEventListener("click", (event) => undo(event.timeStamp));
find("flag").addEventListener("click", flag);
