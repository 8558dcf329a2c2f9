'use strict';
const LEAST_DIGITS = 6, AT_ONCE = 24, TRAIL = 8;
const RIGHTS = ['licence', 'attribution', 'train_ai', 'source_url'];
const main = document.getElementById('main'), said = document.getElementById('said'), what = document.getElementById('what');
const files = new Map(), waiting = new Map();
let trail = [], turn = 0;

/* Everything from the data reaches the page as text, never as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'click') element.addEventListener('click', value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function receive(dataset, number, rows) { waiting.get(`${dataset}-${number}`)(rows); }

function file(dataset, number) {
  const name = `${dataset}-${number}`;
  if (!files.has(name)) {
    files.set(name, new Promise((resolve, reject) => {
      waiting.set(name, resolve);
      const address = `${dataset}-${String(number).padStart(4, '0')}.js`;
      document.head.append(make('script', {src: address}));
      document.head.lastChild.onerror = () => reject(new Error(`${address} is not next to this page`));
    }));
  }
  return files.get(name);
}

/* The index of a position among the rows on this page; -1 if it is not on it. */
function index(dataset, position) {
  const facts = FACTS.datasets[dataset];
  if (!facts || !facts.here || position < 0 || position >= facts.rows) return -1;
  return facts.kept.length ? facts.kept.indexOf(position) : position;
}

async function row(dataset, position) {
  const at = index(dataset, position);
  if (at < 0) return null;
  const rows = await file(dataset, Math.floor(at / FACTS.perFile));
  return rows[at % FACTS.perFile];
}

function position(dataset, at) {
  const kept = FACTS.datasets[dataset].kept;
  return kept.length ? kept[at] : at;
}

/* What a person's text may refer to, as names: `dataset` or `dataset:position`. */
function candidates(text) {
  const [, dataset, at] = /^(.*):(\d+)$/.exec(text) || [];
  if (FACTS.datasets[text]) return [text];
  if (FACTS.datasets[dataset] && Number(at) < FACTS.datasets[dataset].rows) return [text];
  const matches = [];
  if (text.length >= LEAST_DIGITS && /^[0-9a-f]+$/.test(text)) {
    for (const [name, ids] of Object.entries(FACTS.ids)) {
      ids.forEach((id, at) => { if (id.startsWith(text)) matches.push(`${name}:${position(name, at)}`); });
    }
    for (const [name, facts] of Object.entries(FACTS.datasets)) if (facts.digest.startsWith(text)) matches.push(name);
  }
  if (matches.length) return matches;
  const exact = FACTS.names.flatMap((name, at) => name === text ? [`images:${position('images', at)}`] : []);
  if (exact.length) return exact;
  return FACTS.names.flatMap((name, at) => name.endsWith('/' + text) ? [`images:${position('images', at)}`] : []);
}

function unknown(text) {
  const refused = FACTS.refused.find(([name]) => name === text || name.endsWith('/' + text));
  if (refused) return `Ingest refused ${refused[0]} as ${refused[1]} (${refused[2]}).`;
  return `${text} is not an id, name or position ${FACTS.part ? 'on this page, which shows a part of the run' : 'of this run'}.`;
}

async function ask(text) {
  said.textContent = '';
  const matches = candidates(text);
  if (matches.length === 1) return show(matches[0]);
  main.replaceChildren();
  said.textContent = matches.length ? `${text} may mean ${matches.length} rows: choose one.` : unknown(text);
  main.append(make('section', {class: 'whole'}, ...(matches.length ? [await cards(matches.map(name => ['may be', name]))] : [overview()])));
}

async function show(name) {
  const mine = ++turn, [dataset, at] = name.split(':');
  const content = at === undefined ? showDataset(dataset) : await showRow(dataset, Number(at));
  if (mine !== turn) return;
  trail = [...trail.filter(each => each !== name), name].slice(-TRAIL);
  const steps = trail.slice(0, -1).map(each => link(each, each));
  main.replaceChildren(...(steps.length ? [make('div', {class: 'trail'}, 'Seen:', ...steps)] : []), ...content);
  what.value = name;
}

async function showRow(dataset, at) {
  const found = await row(dataset, at), name = `${dataset}:${at}`;
  if (!found) {
    const hint = `It is not on this page. objectmate lineage view ${name} shows it.`;
    return [make('section', {class: 'whole'}, make('h2', {}, name), make('p', {}, hint))];
  }
  const rows = Object.entries(found.says).map(([key, value]) =>
    make('tr', {}, make('th', {scope: 'row'}, key), make('td', {}, words(value))));
  const here = make('section', {class: 'here', 'aria-label': name}, make('h2', {}, name));
  here.append(...picture(dataset, found), make('table', {}, ...rows), ...gates(dataset));
  const own = FACTS.datasets[dataset];
  here.append(make('p', {class: 'soft'}, 'A row of ', link(dataset, dataset), `, made by ${own.stage}.`));
  const models = dataset === 'latents' && found.says.split === 'train' ? own.children.map(each => ['trained on it', each]) : [];
  const up = make('section', {'aria-label': 'Made from'}, make('h3', {}, 'Made from'), await cards(links(found.up)));
  const down = make('section', {'aria-label': 'Made into'}, make('h3', {}, 'Made into'), await cards([...links(found.down), ...models]));
  return [up, here, down, await behind(dataset, at)];
}

function showDataset(dataset) {
  const own = FACTS.datasets[dataset];
  const facts = {kind: own.kind, rows: own.rows, digest: own.digest, 'made by': own.stage};
  const rows = Object.entries(facts).map(([key, value]) => make('tr', {}, make('th', {scope: 'row'}, key), make('td', {}, words(value))));
  const listed = names => names.length ? make('ul', {class: 'cards'}, ...names.map(each => make('li', {}, card('', each, null)))) : make('p', {class: 'soft'}, 'Nothing.');
  const first = own.here ? [make('p', {}, link(`${dataset}:${own.kept[0] ?? 0}`, 'Its first row'))] : [];
  return [
    make('section', {'aria-label': 'Made from'}, make('h3', {}, 'Made from'), listed(own.parents)),
    make('section', {class: 'here', 'aria-label': dataset}, make('h2', {}, dataset), make('table', {}, ...rows), ...first, ...gates(dataset)),
    make('section', {'aria-label': 'Made into'}, make('h3', {}, 'Made into'), listed(own.children)),
  ];
}

/* The photographs that a row was made from, with their rights, found by following links upwards. */
async function behind(dataset, at) {
  const seen = new Set([`${dataset}:${at}`]), photographs = new Set();
  let front = [[dataset, at]], missing = 0;
  while (front.length) {
    const next = [];
    for (const [name, place] of front) {
      if (name === 'images') { photographs.add(place); continue; }
      const found = await row(name, place);
      if (!found) { missing += 1; continue; }
      for (const [, other, there] of found.up) {
        if (!seen.has(`${other}:${there}`)) { seen.add(`${other}:${there}`); next.push([other, there]); }
      }
    }
    front = next;
  }
  const places = [...photographs].sort((a, b) => a - b);
  const tiles = await Promise.all(places.slice(0, 4 * AT_ONCE).map(async place => {
    const found = await row('images', place);
    return make('li', {}, card(found ? found.says.uri : 'not on this page', `images:${place}`, found, found ? rights(found.says) : ''));
  }));
  const left = places.length - tiles.length + missing;
  const title = `Behind it: ${places.length} photograph${places.length === 1 ? '' : 's'}, with what is known of their rights`;
  return make('section', {class: 'whole', 'aria-label': 'Photographs behind it'}, make('h3', {}, title),
    make('ul', {class: 'tiles'}, ...tiles), ...(left ? [make('p', {class: 'soft'}, `${left} more are not shown here.`)] : []));
}

function rights(says) {
  return RIGHTS.filter(key => says[key]).map(key => `${key}: ${says[key]}`).join(', ') || 'no licence and no rights signal known';
}

function gates(dataset) {
  const judged = FACTS.datasets[dataset].gates;
  if (!judged.length) return [];
  const lines = judged.map(each => make('li', {}, make('b', {class: each.verdict}, `${each.gate}: ${each.verdict}. `), `${each.reason}.`));
  return [make('h3', {}, `Gates that judged ${dataset}`), make('ul', {}, ...lines)];
}

function links(listed) { return listed.map(([relation, dataset, at]) => [relation, `${dataset}:${at}`]); }

async function cards(named) {
  if (!named.length) return make('p', {class: 'soft'}, 'Nothing.');
  const list = make('ul', {class: 'cards'});
  const more = async start => {
    for (const [relation, name] of named.slice(start, start + AT_ONCE)) {
      const [dataset, at] = name.split(':');
      list.append(make('li', {}, card(relation, name, at === undefined ? null : await row(dataset, Number(at)))));
    }
    const left = named.length - start - AT_ONCE;
    if (left > 0) {
      const button = make('button', {type: 'button', click: () => { button.parentNode.remove(); more(start + AT_ONCE); }}, `${left} more`);
      list.append(make('li', {}, button));
    }
  };
  await more(0);
  return list;
}

function card(relation, name, found, detail) {
  const about = detail ?? (found ? short(found.says) : '');
  const lines = make('span', {}, make('b', {}, relation || name), make('span', {}, relation ? `${name} ${about}` : about));
  const shown = found && found.picture ? [make('img', {src: found.picture, alt: '', loading: 'lazy'})] : [];
  return make('button', {type: 'button', class: shown.length ? 'card' : 'card plain', click: () => go(name)}, ...shown, lines);
}

function picture(dataset, found) {
  if (found.picture) return [make('img', {src: found.picture, alt: `picture of ${dataset}:${found.at}`})];
  return FACTS.pictured.includes(dataset) ? [make('p', {class: 'soft'}, 'Its picture cannot be decoded.')] : [];
}

function short(says) {
  const columns = ['uri', 'subject', 'category', 'text', 'caption', 'split', 'reason', 'verdict', 'similarity', 'value'];
  return columns.filter(key => says[key] !== undefined && says[key] !== null).map(key => words(says[key])).join(', ').slice(0, 120);
}

function words(value) {
  if (value === null) return 'unknown';
  if (Array.isArray(value)) return value.map(words).join(', ');
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
  return String(value);
}

function link(name, text) {
  return make('a', {href: '#' + encodeURIComponent(name)}, text);
}

function overview() {
  const tiles = Object.entries(FACTS.datasets).map(([name, facts]) =>
    make('li', {}, card('', name, null, `${facts.rows.toLocaleString('en')} rows`)));
  return make('div', {}, make('h3', {}, 'Datasets of the run'), make('ul', {class: 'datasets'}, ...tiles));
}

function go(name) {
  if (decodeURIComponent(location.hash.slice(1)) === name) open();
  else location.hash = encodeURIComponent(name);
}

function open() {
  const text = decodeURIComponent(location.hash.slice(1));
  if (text) return ask(text).catch(error => { said.textContent = `${error.message}: keep the files of this folder together.`; });
  said.textContent = '';
  main.replaceChildren(make('section', {class: 'whole'}, overview()));
}

document.getElementById('ask').addEventListener('submit', event => { event.preventDefault(); go(what.value.trim()); });
addEventListener('hashchange', open);
open();
