// What the server is asked. The token lives in this tab's storage, goes into one header, and nowhere else.
const DATA = JSON.parse(document.getElementById("data").textContent);
const KEY = "kernelgym-token";
const BASE = location.pathname.replace(/jobs\/[^/]*\/?$/, "");
const LIMIT = 4200;

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Control characters and marks of text direction become visible codes, as everywhere in KernelGym.
const plain = (text) =>
  (text.length > LIMIT ? `${text.slice(0, LIMIT)} […]` : text)
    .replace(/[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0).toString(16)}}`);

// Errors of results may be infinite, which JSON has no word for: such numbers are read as texts.
const parsed = (body) =>
  JSON.parse(body.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (part) => (part[0] === '"' ? part : `"${part}"`)),
    (_, value) => (typeof value === "string" ? plain(value) : value));

async function ask(path) {
  const token = sessionStorage.getItem(KEY);
  const headers = token ? { Accept: "application/json", Authorization: `Bearer ${token}` } : { Accept: "application/json" };
  let answer, body;
  try {
    answer = await fetch(BASE + path, { headers, cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(15000) });
    body = await answer.text();
  } catch (error) {
    throw new Refusal(0, `The server does not answer (${plain(error.message)}).`);
  }
  let content = null;
  try {
    content = parsed(body);
  } catch {
    throw new Refusal(answer.status, `The server answers ${answer.status}, but not in JSON.`);
  }
  if (!answer.ok) throw new Refusal(answer.status, content?.message ?? `The server answers ${answer.status}.`);
  return content;
}
