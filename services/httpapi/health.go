package httpapi

import "net/http"

// Healthy answers that the service is well: 200 and {"status":"ok"}. It is what every service's GET
// /healthz answers, after the checks of its own if it has any.
func Healthy(w http.ResponseWriter, _ *http.Request) error {
	Respond(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
	return nil
}
