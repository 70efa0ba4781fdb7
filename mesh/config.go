package mesh

import (
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
)

// Header and ID are package cause's: how an event came about.
type (
	Header = cause.Header
	ID     = cause.ID
)

// Config says everything about a node, and the other types say its parts. They are package
// config's, where each field is explained: go doc leafmesh/mesh/config Node shows those of a
// Config, and go doc leafmesh/mesh/config Export those of an Export, as of each other type by its
// name.
type (
	Config     = config.Node
	Handler    = config.Handler
	Peer       = config.Peer
	MayImport  = config.MayImport
	Links      = config.Links
	Hub        = config.Hub
	Export     = config.Export
	Import     = config.Import
	Delivery   = config.Delivery
	Ordered    = config.Ordered
	Redelivery = config.Redelivery
	Rule       = config.Rule
	Place      = config.Place
	By         = config.By
	Limit      = config.Limit
	Rate       = config.Rate
	Size       = config.Size
	Policy     = config.Policy
	Cascade    = config.Cascade
	Alarms     = config.Alarms
	Outbox     = config.Outbox
	Bound      = config.Bound
	Full       = config.Full
	Tap        = config.Tap
	Operator   = config.Operator
	Secret     = config.Secret
	Path       = config.Path
	State      = config.State

	KeptLetters = config.KeptLetters
)

// The policies of limits and full queues, the deliveries and orders of imports, what happens at the
// bound of a service that an export is kept for, which letters are kept, and what rules are for.
const (
	Refuse   = config.Refuse
	Wait     = config.Wait
	Shed     = config.Shed
	Coalesce = config.Coalesce

	Shared = config.Shared
	Each   = config.Each

	FullRefuse = config.FullRefuse
	FullLose   = config.FullLose

	DurableLetters = config.DurableLetters
	AllLetters     = config.AllLetters

	OrderedNo    = config.OrderedNo
	OrderedByKey = config.OrderedByKey
	OrderedAll   = config.OrderedAll

	AtEmit    = config.AtEmit
	AtExport  = config.AtExport
	AtImport  = config.AtImport
	AtHandler = config.AtHandler

	ByType = config.ByType
	ByKey  = config.ByKey
	ByRoot = config.ByRoot
	ByPeer = config.ByPeer
)

// Per is the rate of n events each d: Per(20, time.Minute).
func Per(n float64, d time.Duration) Rate { return config.Per(n, d) }

// AllExports lets a peer import whatever the node exports.
func AllExports() MayImport { return config.AllExports() }

// NewSecret makes a secret of a value made in code, as tests do.
func NewSecret(value string) Secret { return config.NewSecret(value) }
