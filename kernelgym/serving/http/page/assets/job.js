// One job: how far it is, and its whole report. Lines of the candidate are named by number, never shown.
const share = (value) => (value === null || value === undefined ? "–" : percent(value));
const line = (value) => value ?? "–";

function verdictWords(report) {
  const [symbol, words] = outcomeWords(report.outcome);
  const speedup = speedupOf(report);
  if (report.outcome !== "ok") return `${symbol} ${words}`;
  return speedup === null ? `${symbol} ${words}; no speedup, the size that is timed was not verified` : `${symbol} ${words}, ${factor(speedup)} as fast as the reference`;
}

function speedupOf(report) {
  if (report.outcome !== "ok" || !report.profile || !report.bench?.verified || !report.profile.time_us) return null;
  return report.profile.reference_time_us / report.profile.time_us;
}

function findings(report) {
  const severities = { reject: "bad", warn: "" };
  return report.findings.length ? section("Findings", table(["rule", "severity", "evidence", "line", "case"],
    report.findings.map((each) => [each.rule, el("span", { class: `tag ${severities[each.severity] ?? ""}` }, each.severity), words(each.evidence), line(each.line), who(line(each.case))]), [3])) : null;
}

function diagnostics(report) {
  return report.diagnostics.length ? section("Diagnostics", table(["stage", "message", "line", "case"],
    report.diagnostics.map((each) => [each.stage, words([each.message, each.hint && `Hint: ${each.hint}`].filter(Boolean).join("\n")), line(each.line), who(line(each.case))]), [2])) : null;
}

function cases(report) {
  if (!report.cases.length) return null;
  const rows = report.cases.map((each) => [who(each.case), each.kind, el("span", { class: each.passed ? "good" : "bad" }, each.passed ? "passed" : "failed"),
    `${each.trials - each.failed_trials}/${each.trials}`, small(each.max_error), small(each.tolerance), words([each.detail, each.pattern].filter(Boolean).join("; "))]);
  return section("Cases", table(["case", "", "", "trials passed", "largest error", "allowed", "detail"], rows, [3, 4, 5]),
    report.bench ? el("p", { class: "note" }, `The size that is timed: ${report.bench.how}.`) : null);
}

const MAX_NODES = 60;

function profile(report) {
  const found = report.profile ?? report.estimate;
  if (!found) return null;
  const nodes = [...found.nodes].sort((a, b) => b.time_us - a.time_us);
  const rows = nodes.slice(0, MAX_NODES).map((node) => [who(node.name), el("span", { class: node.live ? "line" : null }, `${node.custom ? "own kernel" : "PyTorch"}${node.live ? "" : ", not needed"}`), digits(node.time_us),
    share(found.time_us ? node.time_us / found.time_us : null), node.bound, share(node.roofline_fraction), quantity(node.bytes, "B"), quantity(node.flops, "flop"),
    node.resources ? number(node.resources.registers) : "–", share(node.resources?.occupancy), line(node.line), who(node.config || "–")]);
  const source = found.measurement?.simulated ? "simulated, not measured, on" : found.source === "measured" ? "measured on" : "modelled for";
  return section(`Profile, ${source} ${found.device}`,
    facts([["time", `${digits(found.time_us)} µs`], ["reference", `${digits(found.reference_time_us)} µs`], ["speedup", factor(speedupOf(report))],
      ["own kernels", share(found.coverage)], ["replaced", share(found.replaced)], ["roofline", share(found.time_us ? Math.min(1, found.roofline_us / found.time_us) : null)]]),
    el("br"),
    table(["node", "", "µs", "time", "bound", "roofline", "moved", "computed", "registers", "occupancy", "line", "configuration"], rows, [2, 3, 5, 6, 7, 8, 9, 10]),
    nodes.length > MAX_NODES ? el("p", { class: "note" }, `… and ${number(nodes.length - MAX_NODES)} more`) : null);
}

function timings(report) {
  const stages = Object.entries(report.timings_s);
  if (!stages.length) return null;
  const longest = Math.max(...stages.map(([, value]) => value), 1e-9);
  return section("Stages", el("div", { class: "steps card" }, stages.flatMap(([name, value]) => {
    const filled = el("i");
    filled.style.width = `${(100 * value) / longest}%`;
    return [el("span", {}, plain(name)), el("div", { class: "track" }, filled), el("span", { class: "n" }, seconds(value))];
  })));
}

function reportView(report) {
  const tone = report.outcome === "ok" ? "good" : report.outcome === "hack" ? "odd" : "bad";
  const versions = Object.entries(report.versions).map(([name, value]) => plain(`${name} ${value}`)).join(", ");
  return [
    el("p", { class: `verdict ${tone}` }, verdictWords(report)),
    findings(report), diagnostics(report), cases(report), profile(report), timings(report),
    section("Asked for", facts([["problem", report.problem], ["target", report.config.target], ["device", report.config.device], ["precision", report.config.precision],
      ["depth", report.config.depth], ["candidate", el("span", { class: "id" }, short(report.submission) || "none")]]),
      versions ? el("p", { class: "note" }, `Judged by ${versions}.`) : null),
  ];
}

function answerView(answer) {
  if (answer.kind === "finished") return reportView(answer.report);
  if (answer.kind === "refused") return [el("p", { class: "verdict bad" }, `! no verdict: ${answer.why}`), el("pre", { tabindex: "0" }, answer.message)];
  const content = answer.description ?? answer.weaknesses;
  return [el("p", { class: "verdict good" }, `✓ ${answer.kind}`), el("pre", { tabindex: "0" }, JSON.stringify(content, null, 1))];
}

function jobView(job) {
  const waits = job.state === "queued" ? "It waits." : job.state === "running" ? "A worker has it in hand." : job.state === "cancelled" ? "Nobody wants it any more." : "";
  return [
    el("nav", { class: "bar", "aria-label": "Pages" }, el("a", { href: BASE }, "← Status")),
    el("dl", { class: "facts" }, [["state", job.state], ["station", job.station ?? "–"], ["attempts", number(job.attempts)], ["request", job.request_id || "–"]]
      .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
    waits ? el("p", { class: "verdict" }, waits) : null,
    ...(job.answer ? answerView(job.answer) : []),
  ];
}
