// The page on which one of two pictures is chosen.
import { Turns } from "./turns.js";

const find = (id) => document.getElementById(id);
const root = find("compare"), query = root.dataset.query;
const KEYS = { arrowleft: "left", arrowright: "right", 1: "left", 2: "right" };
let shown, since = 0, state;

const turns = new Turns({
  read: `/study/turns?${query}`,
  write: `/study/actions?${query}`,
  store: `study ${root.dataset.study} ${root.dataset.rater}`,
  hooks: { show, tell, prepare, saving: (text) => { find("saving").textContent = text; }, refused: say },
});

function load(turn, which, alt) {
  const picture = new Image();
  picture.src = `/study/picture/${turn.id}/${which}`;
  picture.alt = alt;
  return picture;
}

function prepare(turn) {
  if (turn.pictures) return;
  turn.pictures = { left: load(turn, "left", ""), right: load(turn, "right", "") };
  turn.given = Array.from({ length: turn.references }, (_, number) => load(turn, `reference-${number}`, `Reference ${number + 1}`));
  turn.loading = Promise.all([...Object.values(turn.pictures), ...turn.given].map((picture) => picture.decode()))
    .then(() => { turn.ready = true; }, () => { turn.failed = true; });
}

function show(turn) {
  shown = undefined;
  find("pair").hidden = find("references").hidden = !turn && Boolean(state);
  find("empty").hidden = Boolean(turn) || !state;
  find("undo").disabled = !turns.behind.length;
  find("prompt").hidden = !turn?.prompt;
  if (!turn) return;
  find("pair").setAttribute("aria-busy", "true");
  turns.present(turn, lay, () => say("A picture could not be loaded: reload the page."));
}

function lay(turn) {
  find("prompt").textContent = turn.prompt;
  find("references").replaceChildren(...turn.given);
  for (const side of ["left", "right"]) find(side).replaceChildren(turn.pictures[side]);
  find("pair").setAttribute("aria-busy", "false");
  shown = turn;
  since = performance.now();
}

function tell(now) {
  state = now;
  find("progress").max = Math.max(now.answered + now.left, 1);
  find("progress").value = now.answered;
  find("count").textContent = `${now.answered} of ${now.answered + now.left} answered.`;
}

function choose(word) {
  if (!shown) return;
  say(word === "left" ? "Left" : "Right");
  turns.answer({ word, milliseconds: Math.round(performance.now() - since) });
}

function undo() { say(turns.undo() ? "Taken back" : "There is no answer to take back."); }
function say(text) { find("said").textContent = text; }

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (key in KEYS) choose(KEYS[key]);
  else if (key === "backspace") undo();
  else return;
  event.preventDefault();
});
for (const button of root.querySelectorAll("[data-word]")) button.addEventListener("click", () => choose(button.dataset.word));
find("undo").addEventListener("click", undo);
