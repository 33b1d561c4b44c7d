// The list of episodes: filtered and sorted in memory, a page of rows at a time in the document.
const PAGE = 100;
const list = { order: [], shown: PAGE, key: "p", down: false };

function describe(turn) {
  const [symbol, words] = DATA.outcomes[turn[0]];
  return `${symbol} ${turn[0] === "ok" ? (turn[1] === null ? "not timed" : factor(turn[1])) : words}`;
}

function story(episode) {
  const turns = episode.t.map((turn) => el("li", { class: `at-${stateOf(turn)}` }, describe(turn)));
  if (episode.l) turns.push(el("li", { class: "at-lost" }, { skipped: "! skipped", policy: "! the policy failed", infrastructure: "! lost" }[episode.l]));
  return el("ol", { class: "story" }, turns);
}

function matches(episode, problem, state) {
  if (problem && !episode.p.toLowerCase().includes(problem)) return false;
  if (!state) return true;
  if (state === "policy" || state === "lost") return episode.l === { policy: "policy", lost: "infrastructure" }[state];
  return episode.t.some((turn) => stateOf(turn) === state);
}

function arrange() {
  const problem = document.getElementById("filter-problem").value.trim().toLowerCase();
  const state = document.getElementById("filter-state").value;
  const { key, down } = list;
  const sign = down ? -1 : 1;
  list.order = DATA.episodes.map((_, index) => index).filter((index) => matches(DATA.episodes[index], problem, state));
  list.order.sort((one, other) => {
    const a = DATA.episodes[one][key], b = DATA.episodes[other][key];
    if (a === b) return one - other;
    if (a === null || b === null) return a === null ? 1 : -1;
    return (a < b ? -1 : 1) * sign;
  });
  showRows();
}

function showRows() {
  const rows = list.order.slice(0, list.shown).map((index) => {
    const episode = DATA.episodes[index];
    return el("tr", { "data-index": index },
      el("td", {}, el("a", { href: episode.a }, episode.p)),
      el("td", { class: "n" }, String(episode.s)),
      el("td", {}, story(episode)),
      el("td", { class: "n" }, decimals(episode.r)),
      el("td", { class: "n" }, factor(episode.x)));
  });
  document.querySelector("#list tbody").replaceChildren(...rows);
  const total = list.order.length;
  document.getElementById("shown").textContent = `${Math.min(list.shown, total).toLocaleString("en")} of ${total.toLocaleString("en")} shown`;
  document.getElementById("more").hidden = list.shown >= total;
  for (const head of document.querySelectorAll("#list th[data-key]")) {
    if (head.dataset.key === list.key) head.setAttribute("aria-sort", list.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function startListing() {
  const present = new Set(DATA.episodes.flatMap((episode) => episode.t.map(stateOf)));
  if (DATA.episodes.some((episode) => episode.l === "policy")) present.add("policy");
  if (DATA.episodes.some((episode) => episode.l === "infrastructure")) present.add("lost");
  const states = Object.keys(DATA.states).filter((state) => present.has(state));
  document.getElementById("filter-state").append(
    el("option", { value: "" }, "any"), ...states.map((state) => el("option", { value: state }, `${DATA.states[state]} at any turn`)));
  const again = () => { list.shown = PAGE; arrange(); };
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("filter-problem").addEventListener("input", again);
  document.getElementById("filter-state").addEventListener("change", again);
  document.getElementById("more").addEventListener("click", () => {
    const before = list.shown;
    list.shown += PAGE;
    showRows();
    document.querySelector(`#list tbody tr:nth-child(${before + 1}) a`)?.focus();
  });
  for (const head of document.querySelectorAll("#list th[data-key]")) {
    head.firstElementChild.addEventListener("click", () => {
      const same = list.key === head.dataset.key;
      list.down = same ? !list.down : ["r", "x"].includes(head.dataset.key);
      list.key = head.dataset.key;
      arrange();
    });
  }
  document.querySelector("#list tbody").addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("a")) location.hash = DATA.episodes[Number(row.dataset.index)].a;
  });
  arrange();
}
