package hunt

import "errors"

// Errors of the entrances. Those of Emit (mesh.ErrRefused, mesh.ErrClosed, …), *team.NameError and
// those of the context come through too.
var (
	// ErrFull: as many teams have joined as Config.MaxTeams allows.
	ErrFull = errors.New("no further team can join")
	// ErrUnknownTeam: nobody has joined under this name.
	ErrUnknownTeam = errors.New("no team of this name has joined")
)
