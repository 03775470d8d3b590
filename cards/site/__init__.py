"""What one site sets: its limits, its choices and the units it reads."""
