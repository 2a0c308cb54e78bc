"""Makes a run an entry of the zoo: exports, scores, draws and describes it."""
