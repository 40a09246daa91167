"""Speed and memory, measured side by side in one run, because ratios travel between machines and times do not."""
