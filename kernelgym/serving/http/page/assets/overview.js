// The whole service: queues, workers, latency, outcomes, what happened lately.
const seen = [];
const WINDOW_S = 60;

function answered(counters) {
  return Object.entries(counters).reduce((sum, [name, count]) => sum + (name.startsWith("outcome:") ? count : 0), 0);
}

// Answers per minute since the first look within a minute; a ledger that began anew starts anew here, too.
function rate(counters) {
  const now = performance.now() / 1000;
  const count = answered(counters);
  if (seen.length && seen.at(-1)[1] > count) seen.length = 0;
  seen.push([now, count]);
  while (seen.length > 2 && now - seen[1][0] > WINDOW_S) seen.shift();
  const [since, before] = seen[0];
  return now - since < 1.5 ? null : ((count - before) / (now - since)) * 60;
}

function alarms(status) {
  const found = [];
  for (const queue of status.queues) {
    const waiting = Object.values(queue.waiting).reduce((sum, count) => sum + count, 0);
    if (waiting && !queue.workers) found.push(`${count(waiting, "job")} in ${queue.name}, and no worker serves it.`);
    else if (queue.oldest_s > 120) found.push(`The first job in ${queue.name} has waited for ${seconds(queue.oldest_s)}.`);
  }
  if (!status.workers.length) found.push("There is no worker.");
  const lost = status.recent.filter((verdict) => ["infrastructure", "refused"].includes(verdict.outcome)).length;
  if (lost * 10 >= status.recent.length && lost > 1) found.push(`${lost} of the last ${status.recent.length} answers are no verdicts: look at their reports.`);
  return found.length ? el("ul", { class: "alarms" }, found.map((words) => el("li", {}, words))) : null;
}

function figures(status) {
  const waiting = status.queues.reduce((sum, queue) => sum + Object.values(queue.waiting).reduce((a, b) => a + b, 0), 0);
  const busy = status.workers.filter((worker) => worker.job).length;
  const running = status.queues.reduce((sum, queue) => sum + queue.running, 0);
  const counters = status.counters;
  const asked = (counters.submitted ?? 0);
  const known = (counters.hits ?? 0) + (counters.joined ?? 0);
  const totals = status.recent.map((verdict) => verdict.total_s);
  const perMinute = rate(counters);
  const fact = (name, value, note) => el("div", {}, el("dt", {}, name), el("dd", {}, value, note ? el("small", {}, note) : null));
  return el("dl", { class: "facts big" },
    fact("waiting", number(waiting)),
    fact("running", number(running)),
    fact("workers", number(status.workers.length), `${number(busy)} busy`),
    fact("answers", perMinute === null ? "…" : `${digits(perMinute)}`, "per minute"),
    fact("median", seconds(quantile(totals, 0.5)), `of the last ${totals.length}`),
    fact("slowest", seconds(quantile(totals, 1)), `of the last ${totals.length}`),
    fact("remembered", number(status.remembered), asked ? `${percent(known / Math.max(asked, 1))} known or joined` : null));
}

function queues(status) {
  if (!status.queues.length) return el("p", {}, "Nothing was ever queued.");
  return table(["queue", "interactive", "batch", "running", "workers", "oldest"],
    status.queues.map((queue) => [who(queue.name), number(queue.waiting.interactive ?? 0), number(queue.waiting.batch ?? 0),
      number(queue.running), el("span", { class: queue.workers ? null : "bad" }, number(queue.workers)), seconds(queue.oldest_s)]),
    [1, 2, 3, 4, 5]);
}

function workers(status) {
  if (!status.workers.length) return el("p", {}, "No worker is alive. Start one: ", el("code", {}, "kernelgym worker"));
  const rows = status.workers.map((worker) => {
    const state = worker.draining ? "draining" : worker.job ? "busy" : "idle";
    const doing = worker.job ? [worker.stage ?? worker.station ?? "", " · ", jobLink(worker.job)] : [""];
    return [el("span", { class: `dot is-${state}` }, state), who(worker.id), el("span", { class: "line" }, doing), who(worker.device),
      who(worker.queues.map((queue) => queue.replace(/@.*/, "")).join(", ")), who(worker.sandbox || "–"), number(worker.done), quantity(worker.memory_mib * 2 ** 20, "B")];
  });
  return table(["", "worker", "works on", "device", "serves", "sandbox", "done", "memory"], rows, [6, 7]);
}

function outcomes(counters) {
  const rows = Object.entries(counters).filter(([name]) => name.startsWith("outcome:"))
    .map(([name, count]) => [name.slice(8), count]).sort((a, b) => b[1] - a[1]);
  if (!rows.length) return el("p", {}, "No answer yet.");
  const whole = rows.reduce((sum, [, count]) => sum + count, 0);
  return el("div", {}, bar(rows.map(([outcome, count]) => [stateOf(outcome), count])),
    table(["outcome", "answers", "share"], rows.map(([outcome, count]) =>
      [el("span", { class: `dot at-${stateOf(outcome)}` }, outcomeWords(outcome)[1]), number(count), percent(count / whole)]), [1, 2]));
}

function quantileOf(counters, name, share) {
  const counts = DATA.bounds.concat(Infinity).map((_, bucket) => counters[`seconds:${name}:${bucket}`] ?? 0);
  const whole = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count && below + count >= share * whole) {
      if (bucket === DATA.bounds.length) break;
      const low = bucket ? DATA.bounds[bucket - 1] : 0;
      return low + ((DATA.bounds[bucket] - low) * (share * whole - below)) / count;
    }
    below += count;
  }
  return whole ? DATA.bounds.at(-1) : null;
}

function latencies(counters) {
  const rows = DATA.durations.map(([part, title]) => [title, ...[0.5, 0.9, 0.99].map((share) => seconds(quantileOf(counters, part, share)))])
    .filter((row) => row[1] !== "–");
  return rows.length ? table(["", "median", "p90", "p99"], rows, [1, 2, 3]) : el("p", {}, "Nothing was timed yet.");
}

const EVENTS = { submitted: "asked for", computed: "computed", hits: "known already", joined: "joined one under way", cancelled: "cancelled",
  retried: "given to another worker", quarantined: "given up (quarantined)", expired: "over their deadline", discarded: "second answers thrown away" };

function events(counters) {
  const rows = Object.entries(EVENTS).filter(([name]) => counters[name]).map(([name, words]) => [words, number(counters[name])]);
  return rows.length ? table(["", "jobs"], rows, [1]) : el("p", {}, "Nothing happened yet.");
}

function verdicts(status) {
  if (!status.recent.length) return el("p", {}, "No verdict yet.");
  const rows = status.recent.map((verdict) => {
    const [symbol, words] = outcomeWords(verdict.outcome);
    return [el("span", { class: "line" }, clock(verdict.at)), el("span", { class: `dot at-${stateOf(verdict.outcome, verdict.speedup)}` }, `${symbol} ${words}`),
      who(verdict.problem), typeof verdict.speedup === "number" ? factor(verdict.speedup) : "–", seconds(verdict.total_s), seconds(verdict.work_s), number(verdict.attempts), jobLink(verdict.id)];
  });
  return table(["at", "verdict", "problem", "speedup", "total", "work", "attempts", "report"], rows, [3, 4, 5, 6]);
}

function overviewView(status) {
  return [
    alarms(status), figures(status),
    section("Queues", queues(status)), section("Workers", workers(status)),
    el("div", { class: "halves" },
      el("div", {}, section("Outcomes", outcomes(status.counters))),
      el("div", {}, section("Latency since the ledger began", latencies(status.counters)), section("Jobs", events(status.counters)))),
    section("Recent verdicts", verdicts(status)),
  ];
}
