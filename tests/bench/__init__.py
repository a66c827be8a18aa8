"""The benchmark, `make bench`: our engines and other simulators on the same input, side by side."""
