"""A loose floor under the speed of the compiled engine; `make bench` measures it (docs/performance.md)."""

from sim.engine import compiled_engine
from sim.scenario.loading import load
from tests.bench import with_simpy
from tests.bench.child import FILES, workload_of
from tests.timing import best_seconds


def test_the_compiled_engine_is_at_least_ten_times_as_fast_as_ordinary_simpy(record_property):
    workload = workload_of(load(FILES["six_stations"]).with_calendar(duration="3 days"), "priorities")
    compiled_engine.run(workload)  # compiles, if that was never done
    seconds = best_seconds((compiled_engine, with_simpy), workload, rounds=5)
    ratio = seconds[with_simpy] / seconds[compiled_engine]
    print(f"{ratio:.0f} times as fast as ordinary SimPy")
    record_property("times_as_fast", ratio)
    assert ratio > 10
