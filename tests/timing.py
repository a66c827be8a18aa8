"""How long engines take, side by side."""

import gc
from time import process_time


def best_seconds(engines, workload, *, rounds, clock=process_time):
    """The shortest time that each engine took for a workload; they take turns, so that all have the same neighbours."""
    seconds = dict.fromkeys(engines, float("inf"))
    gc.collect()
    gc.freeze()  # what the other tests have left in memory would slow down the style that makes more objects
    try:
        for _ in range(rounds):
            for engine, best in seconds.items():
                begin = clock()
                engine.run(workload)
                seconds[engine] = min(best, clock() - begin)
    finally:
        gc.unfreeze()
    return seconds
