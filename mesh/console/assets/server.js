// What the console's server is asked for.

let opened;

// session tells what this console may do. It is asked for once.
export function session() {
  opened ||= open().catch((error) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

// kept is where other tabs find the token of a console that is private. It means nothing to any other one.
const kept = "console-token";

// open takes the invitation to a private console, if the address has one, and asks for the session.
async function open() {
  const secret = location.hash.match(/^#open=(\w+)$/)?.[1];
  if (!secret) return read(await fetch("/api/session", { headers: { "Console-Token": localStorage.getItem(kept) || "" } }));
  history.replaceState(null, "", location.pathname);
  const taken = await read(await fetch("/api/session", {
    method: "POST", body: JSON.stringify({ secret }), headers: { "Content-Type": "application/json" },
  }));
  localStorage.setItem(kept, taken.token);
  return taken;
}

// ask gets JSON. The error says what the server says.
export async function ask(path) {
  const { token } = await session();
  return read(await fetch(path, { headers: { Accept: "application/json", "Console-Token": token } }));
}

// change asks the server to change something.
export async function change(path, body) {
  const { token } = await session();
  return read(await fetch(path, {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "Console-Token": token },
  }));
}

async function read(response) {
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = { error: text.trim() || response.statusText };
  }
  if (response.status === 401) opened = undefined; // another tab may have opened a session since
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

const listeners = new Set();
let last;

// watch calls listener with each snapshot of the mesh, the last one at once. It returns what ends that.
export function watch(listener) {
  listeners.add(listener);
  if (last) listener(last);
  return () => listeners.delete(listener);
}

// connect opens the stream of snapshots while the page can be seen. told hears whether it is live.
export function connect(told) {
  let reading, quiet;
  const hear = (snapshot) => {
    last = snapshot;
    clearTimeout(quiet);
    quiet = setTimeout(() => told("silent"), 3000);
    told("live");
    for (const listener of listeners) listener(last);
  };
  const open = async () => {
    const { signal } = reading = new AbortController();
    while (!signal.aborted) {
      await follow(signal, hear).catch(() => {});
      if (signal.aborted) return;
      clearTimeout(quiet);
      told("gone");
      await new Promise((again) => setTimeout(again, 1000));
    }
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(quiet);
    reading?.abort();
    if (!document.hidden) open();
  });
  open();
}

// follow reads the stream until it ends. An EventSource would do, but sends no token.
async function follow(signal, hear) {
  const { token } = await session();
  const response = await fetch("/api/live", { headers: { "Console-Token": token }, signal });
  if (!response.ok) await read(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) hear(JSON.parse(event.slice("data: ".length)));
  }
}
