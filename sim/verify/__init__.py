"""Is it right? The whole program against queueing theory and against other ways to compute the same."""
