package mesh

import "fmt"

// alarms checks the thresholds of the graph's alarms.
func (v *validation) alarms() {
	v.threshold("alarms.factor", v.config.Alarms.Factor, defaultAlarmFactor)
	v.threshold("alarms.gain", v.config.Alarms.Gain, defaultAlarmGain)
}

// threshold checks a number of which 0 stands for the default.
func (v *validation) threshold(field string, f float64, standard int) {
	if f != 0 && !(minAlarm <= f && f <= maxAlarm) { // not a number is in no range
		v.add(field, fmt.Sprintf("%g is out of range", f), fmt.Sprintf("choose from %g to %d, or leave it out for %d", minAlarm, maxAlarm, standard))
	}
}
