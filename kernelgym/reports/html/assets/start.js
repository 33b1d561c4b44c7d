// Which view is open is said by the address alone, so that links, the back button and reloading work.
const overview = document.getElementById("overview");
const view = document.getElementById("episode");
const addresses = new Map(DATA.episodes.map((episode, index) => [episode.a, index]));
const place = { scroll: 0, index: null, title: document.title, drawn: false };

function wanted() {
  const found = /^(#episode=.*?\/\d+)(?:\/turn(\d+))?$/.exec(location.hash);
  if (!found || !addresses.has(found[1])) return null;
  return { index: addresses.get(found[1]), turn: found[2] ? Number(found[2]) : null };
}

async function route() {
  const target = wanted(), address = location.hash;
  if (target === null) {
    const was = view.hidden ? null : place.index;
    overview.hidden = false;
    view.hidden = true;
    view.replaceChildren();
    document.title = place.title;
    if (was !== null) {
      window.scrollTo(0, place.scroll);
      document.querySelector(`#list tr[data-index="${was}"] a`)?.focus({ preventScroll: place.scroll > 0 });
    } else if (location.hash.startsWith("#episode=")) {
      document.getElementById("shown").textContent = "There is no such episode in this report.";
    }
    return;
  }
  const content = await episodeView(target.index, target.turn);
  if (location.hash !== address) return; // the reader has moved on meanwhile
  if (view.hidden) place.scroll = window.scrollY;
  const same = !view.hidden && place.index === target.index;
  place.index = target.index;
  view.replaceChildren(...content);
  overview.hidden = true;
  view.hidden = false;
  const heading = view.querySelector("h1");
  document.title = `${heading.textContent} · KernelGym`;
  if (!same) {
    window.scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  } else {
    view.querySelector("[aria-current]")?.focus({ preventScroll: true });
  }
}

async function drawOnce() {
  if (place.drawn || overview.hidden) return;
  place.drawn = true;
  place.drawn = await drawAll();
}

document.addEventListener("keydown", (event) => {
  if (view.hidden || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select")) return;
  if (event.key.startsWith("Arrow") && event.target.closest("pre, .listing, .scroll")) return;
  const pick = { ArrowLeft: "[aria-current]", ArrowRight: "[aria-current]", n: "[rel=next]", p: "[rel=prev]", Escape: "#back" }[event.key];
  let link = pick && view.querySelector(pick);
  if (link && event.key === "ArrowLeft") link = link.previousElementSibling;
  if (link && event.key === "ArrowRight") link = link.nextElementSibling;
  if (link) {
    event.preventDefault();
    location.hash = link.getAttribute("href");
  }
});

window.addEventListener("hashchange", () => route().then(drawOnce));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (overview.hidden) place.drawn = false;
  else drawAll();
});
startListing();
route().then(drawOnce).then(() => { document.documentElement.dataset.ready = String(Math.round(performance.now())); });
