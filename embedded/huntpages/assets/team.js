const name = "leafmesh team";

// teamOf is the team that plays in this browser, "" for none.
export function teamOf() {
  try {
    return localStorage.getItem(name) || "";
  } catch {
    return ""; // a browser may keep nothing
  }
}

// keepTeam remembers it.
export function keepTeam(team) {
  try {
    if (team) localStorage.setItem(name, team);
    else localStorage.removeItem(name);
  } catch {
    // then it is asked for again
  }
}

// call asks a service. The error says what the service says.
export async function call(path, body) {
  const response = await fetch(`/hunt/api/${path}`, body && { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail || answer.title || "the service does not answer");
  return answer;
}
