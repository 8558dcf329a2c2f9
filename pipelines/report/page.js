'use strict';
const stages = [...document.querySelectorAll('details.stage')];
const all = document.getElementById('all');
const large = document.getElementById('large');
let shown = [], at = 0;

function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches('details')) { target.open = true; target.scrollIntoView(); }
}

function show(place) {
  at = (place + shown.length) % shown.length;
  const picture = shown[at];
  large.querySelector('img').src = picture.src;
  large.querySelector('img').alt = picture.alt;
  large.querySelector('p').textContent = picture.alt;
  if (!large.open) large.showModal();
}

if (matchMedia('(max-width: 900px)').matches) document.querySelector('nav details').open = false;
addEventListener('hashchange', openTarget);
openTarget();
all.addEventListener('click', () => {
  const open = stages.some(stage => !stage.open);
  for (const stage of stages) stage.open = open;
  all.textContent = open ? 'Close all stages' : 'Open all stages';
});
document.addEventListener('click', event => {
  const tile = event.target.closest('.tile');
  if (tile) {
    shown = [...tile.closest('figure').querySelectorAll('.tile img')];
    show(shown.indexOf(tile.querySelector('img')));
  }
  const step = event.target.closest('[data-step]');
  if (step) show(at + Number(step.dataset.step));
  if (event.target === large) large.close();
});
large.addEventListener('keydown', event => {
  const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
  if (step) { show(at + step); event.preventDefault(); }
});
