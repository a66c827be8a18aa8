"""From a procedure and a seed to a timeline: plan, cohort, workload, engines, audit."""
