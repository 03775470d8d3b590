"""What is known of a patient (chart), what a decision answers (finding), what a client is shown (card)."""
