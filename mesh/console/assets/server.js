// What the console's server is asked for.

let opened;

// session tells what this console may do. It is asked for once.
export function session() {
  opened ||= ask("/api/session");
  return opened;
}

// changer tells which nodes this console may change.
export async function changer() {
  const { changes, only } = await session();
  return (node) => changes && (!only || only.includes(node));
}

// ask gets JSON. The error says what the server says.
export async function ask(path) {
  return read(await fetch(path, { headers: { Accept: "application/json" } }));
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
  if (!response.ok) throw new Error(answer.error || response.statusText);
  return answer;
}

const listeners = new Set();
let stream, last, quiet;

// watch calls listener with each snapshot of the mesh, the last one at once. It returns what ends that.
export function watch(listener) {
  listeners.add(listener);
  if (last) listener(last);
  return () => listeners.delete(listener);
}

// connect opens the stream of snapshots while the page can be seen. told hears whether it is live.
export function connect(told) {
  const open = () => {
    stream = new EventSource("/api/live");
    stream.onmessage = (event) => {
      last = JSON.parse(event.data);
      clearTimeout(quiet);
      quiet = setTimeout(() => told("silent"), 3000);
      told("live");
      for (const listener of listeners) listener(last);
    };
    stream.onerror = () => told("gone");
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(quiet);
    stream?.close();
    if (!document.hidden) open();
  });
  open();
}
