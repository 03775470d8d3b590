"""What a screening tells: findings, summary, plots, quality measures and a work list, written from its findings."""
