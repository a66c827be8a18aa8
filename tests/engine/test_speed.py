"""A loose floor under the speed of the compiled engine; `make bench` measures it (docs/performance.md)."""

import gc
from time import process_time

from sim.engine import compiled_engine
from sim.scenario.loading import load
from tests.bench import with_simpy
from tests.bench.child import FILES, workload_of


def test_the_compiled_engine_is_at_least_ten_times_as_fast_as_ordinary_simpy(record_property):
    workload = workload_of(load(FILES["six_stations"]).with_calendar(duration="3 days"), "priorities")
    seconds = {compiled_engine: float("inf"), with_simpy: float("inf")}
    compiled_engine.run(workload)  # compiles, if that was never done
    gc.collect()
    gc.freeze()  # what the other tests have left in memory would slow down the style that makes more objects
    try:
        for _ in range(5):  # interleaved, so that both have the same neighbours on the machine
            for engine, best in seconds.items():
                begin = process_time()
                engine.run(workload)
                seconds[engine] = min(best, process_time() - begin)
    finally:
        gc.unfreeze()
    ratio = seconds[with_simpy] / seconds[compiled_engine]
    print(f"{ratio:.0f} times as fast as ordinary SimPy")
    record_property("times_as_fast", ratio)
    assert ratio > 10
