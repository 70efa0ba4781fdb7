package stats

// Place is where events of a type go on a node, and can be cut: see mesh.Node.Cut.
type Place struct {
	Type  string `json:"type"`
	Place string `json:"place"` // "handler count", "export"
	Cut   bool   `json:"cut,omitempty"`
}
