"""Reports: pure folds of the log as of a position. The same commits give the same report, whenever."""
