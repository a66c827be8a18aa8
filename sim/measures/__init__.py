"""From a timeline to one value per replication: clocks, throughput, paths, stations."""
