"""One module per stage: claim, load, call the stage's function, store, report."""
