package console

import (
	"encoding/json"
	"net/http"
)

// respond answers with JSON. Who has gone meanwhile does not get it.
func respond(w http.ResponseWriter, v any) { respondWith(w, http.StatusOK, v) }

// fail answers with what is wrong, as {"error": "…"}.
func fail(w http.ResponseWriter, status int, problem string) {
	respondWith(w, status, map[string]string{"error": problem})
}

func respondWith(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a rate that has no text, of rules that no node would take
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
