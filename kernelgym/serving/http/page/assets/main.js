// Shows what the address names, again and again as long as it may change and somebody looks.
const EVERY_MS = 2000;
const SLOWEST_MS = 30000;
const [view, lineOf, form, forget, heading] = ["view", "line", "ask", "forget"].map((id) => document.getElementById(id)).concat(document.querySelector("h1"));
const wanted = /\/jobs\/([^/]+)\/?$/.exec(location.pathname);
let timer = null;
let failures = 0;
let shown = "";

document.getElementById("home").href = BASE;
document.getElementById("foot").textContent = `KernelGym ${DATA.version}`;

function put(nodes, key) {
  if (key === shown) return;
  shown = key;
  const scrolled = [...view.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
  const focused = view.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  view.replaceChildren(...nodes.filter(Boolean));
  [...view.querySelectorAll(".scroll")].forEach((each, at) => (each.scrollLeft = scrolled[at] ?? 0));
  if (focused) [...view.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
}

async function showOverview() {
  const status = await ask("v1/status");
  const words = Object.entries(status.versions).map(([name, value]) => `${name} ${value}`).join(", ");
  put(overviewView(status), `${JSON.stringify(status)} ${Math.floor(Date.now() / 10000)}`);
  lineOf.textContent = `Engine ${status.engine}, ${clock(Date.now() / 1000)}`;
  document.getElementById("foot").textContent = plain(words);
  return true;
}

async function showJob(id) {
  const job = await ask(`v1/jobs/${encodeURIComponent(decodeURIComponent(id))}`);
  const report = job.answer?.report;
  heading.textContent = report ? report.problem : `Job ${short(job.id)}`;
  document.title = `${heading.textContent} – KernelGym service`;
  put(jobView(job), JSON.stringify(job));
  lineOf.replaceChildren("Job ", el("span", { class: "id" }, job.id));
  return job.state === "queued" || job.state === "running";
}

function explain(error) {
  const locked = error.status === 401 || error.status === 403;
  lineOf.textContent = plain(error.message);
  form.hidden = !locked;
  if (locked || error.status === 404) view.replaceChildren();
  if (locked || error.status === 404) shown = "";
  if (locked && !form.contains(document.activeElement)) document.getElementById("token").focus();
  return !locked;
}

async function refresh() {
  clearTimeout(timer);
  let again;
  try {
    again = await (wanted ? showJob(wanted[1]) : showOverview());
    failures = 0;
    form.hidden = true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    failures += 1;
    again = explain(error);
  }
  forget.hidden = !sessionStorage.getItem(KEY);
  document.documentElement.dataset.ready = "";
  clearTimeout(timer);
  if (again) timer = setTimeout(() => (document.hidden ? null : refresh()), Math.min(SLOWEST_MS, EVERY_MS * 2 ** Math.min(failures, 4)));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, document.getElementById("token").value.trim());
  document.getElementById("token").value = "";
  refresh();
});
forget.addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  view.replaceChildren();
  shown = "";
  refresh();
});
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
refresh();
