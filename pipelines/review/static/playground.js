// The page on which the model is tried.
import { BoxPicture } from "./boxes.js";
import { get, post } from "./send.js";

const find = (id) => document.getElementById(id);
const SIDES = ["x", "y", "w", "h"], POLL = 400; // ms
let references = [], scene;

find("references").addEventListener("change", (event) => {
  const files = [...event.target.files].slice(0, Number(event.target.dataset.most));
  say(event.target.files.length > files.length ? `The first ${files.length} pictures are used.` : "");
  references = files.map((file, number) => new BoxPicture(file, `Reference ${number + 1}`, () => {}));
  find("shown-references").replaceChildren(...references.map(shown));
});

find("scene").addEventListener("change", (event) => {
  const [file] = event.target.files;
  scene = file && new BoxPicture(file, "The scene", type);
  find("shown-scene").replaceChildren(...(scene ? [shown(scene)] : []));
  type(null);
  say("");
});

for (const side of SIDES) find(side).addEventListener("input", () => {
  const box = SIDES.map((each) => Number(find(each).value));
  if (scene) scene.set(box[2] > 0 && box[3] > 0 ? box : null);
});

function shown(picture) {
  picture.loaded.catch(() => say("This browser cannot show one of the pictures: save it as JPEG, PNG or WebP."));
  return picture.figure;
}

function type(box) { SIDES.forEach((side, number) => { find(side).value = box ? box[number] : ""; }); }
function say(text) { find("error").textContent = text; }

find("wish").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!scene || !references.length) return say("Choose a scene and at least one reference.");
  if (!scene.box) return say("Draw a box where the object should go.");
  const wish = new FormData();
  wish.set("scene", scene.file);
  wish.set("box", scene.text);
  for (const reference of references) {
    wish.append("reference", reference.file);
    wish.append("reference_box", reference.text);
  }
  for (const name of ["seed", "steps", "guidance"]) wish.set(name, find(name).value);
  say("");
  busy(true);
  const polling = setInterval(progress, POLL);
  try {
    const made = await (await post("/playground/draw", wish)).json();
    open(made);
    find("made").scrollIntoView({ block: "nearest" });
    await list();
  } catch (error) {
    say(error.message || "The app does not answer.");
  }
  clearInterval(polling);
  busy(false);
});

function busy(is) {
  find("draw").disabled = is;
  find("drawing").hidden = !is;
  find("drawing").removeAttribute("value"); // until the first step: the model is loaded
}

async function progress() {
  const { step, steps } = await get("/playground/progress").catch(() => ({}));
  if (steps) Object.assign(find("drawing"), { max: steps, value: step });
}

function address(made, which) { return `/playground/picture/${made.id}/${which}`; }

function open(made) {
  find("made").hidden = false;
  find("made-scene").src = address(made, "scene");
  find("made-result").src = find("made-file").href = address(made, "result");
  find("made-said").textContent = [`${settings(made)}, drawn in ${made.seconds} s.`, ...made.notes.map(sentence)].join(" ");
}

function settings(made) {
  return `Box ${made.box.join(", ")}; seed ${made.seed}, ${made.steps} steps, guidance ${made.guidance}, `
    + `${made.references} ${made.references === 1 ? "reference" : "references"}`;
}

function sentence(note) { return `${note.charAt(0).toUpperCase()}${note.slice(1)}.`; }

function entry(made) {
  const item = document.createElement("li"), show = document.createElement("button"), drop = document.createElement("button");
  const picture = new Image();
  Object.assign(picture, { src: address(made, "result"), alt: "", loading: "lazy" });
  const words = document.createElement("span");
  words.textContent = `${made.at.slice(0, 16).replace("T", " ")} UTC${made.by ? `, ${made.by}` : ""}: ${settings(made)}`;
  show.append(picture, words);
  show.addEventListener("click", () => { open(made); find("made").scrollIntoView(); });
  drop.textContent = "Delete";
  drop.setAttribute("aria-label", `Delete the result of ${made.at}`);
  drop.addEventListener("click", async () => {
    await post(`/playground/forget/${made.id}`).catch((error) => say(error.message));
    if (find("made-file").getAttribute("href") === address(made, "result")) find("made").hidden = true;
    await list();
  });
  item.append(show, drop);
  return item;
}

async function list() {
  const all = await get("/playground/history");
  find("no-history").hidden = all.length > 0;
  find("history").replaceChildren(...all.map(entry));
}

list().catch((error) => say(error.message));
